import type { Claim, DeadReason, Progress, RefreshStore } from '@onbehalf/lease'
import { hashOf, newId, recordAudit } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../../database.ts'
import { type AccessToken, type PresentedCredential, tokenPlace } from '../credential.ts'
import { revocationStore } from '../revocations/store.ts'
import { ended, lifeColumns, openAccess, unleased } from '../store.ts'

/** What is presented; a refresh token of null where the client's own credentials are. */
export type Material = { credential: PresentedCredential; refreshToken: string | null }
/** What a token is for: one for another resource is another token. */
export type Want = { resource: string }

type Needs = {
  db: Kysely<Database>
  vault: Pick<Vault, 'seal' | 'open'>
  onDead: (provider: { id: string; tenant_id: string }) => void
}

/** The rows of the credentials, as the refresher asks for them: each method is one commit. */
export const refreshStore = ({ db, vault, onDead }: Needs): RefreshStore<Material, Want, AccessToken> => ({
  look: async (id, { resource }) => {
    const row = await db
      .selectFrom('oauth_credential')
      .selectAll()
      .select([msTo('lease_until').as('leaseMs'), msTo('backoff_until').as('backoffMs')])
      .select(sql<boolean>`coalesce(renew_at > now(), true)`.as('isFresh'))
      .where('id', '=', id)
      .executeTakeFirst()
    if (!row) return undefined
    const { generation, attempt, lease_owner: owner, leaseMs, backoffMs } = row
    const isDead = row.dead_reason !== null
    const progress: Progress = { generation, attempt, isDead, owner, leaseMs, backoffMs }
    const isUsable = !isDead && row.isFresh && row.resource === resource
    return { ...progress, token: isUsable ? await openAccess(vault, row) : undefined }
  },

  take: async (claim, leaseMs) => {
    const { id, owner, generation, attempt } = claim
    const row = await db
      .updateTable('oauth_credential')
      .set({
        ...{ lease_owner: owner, attempt, sent_at: sql<Date>`now()` },
        lease_until: sql<Date>`now() + ${`${Math.ceil(leaseMs)} milliseconds`}::interval`
      })
      .where('id', '=', id)
      .where('generation', '=', generation)
      .where('attempt', '=', attempt - 1)
      .where('dead_reason', 'is', null)
      .where(isOver('lease_until'))
      .where(isOver('backoff_until'))
      .returningAll()
      .executeTakeFirst()
    if (!row) return undefined
    const sealed = row.refresh_token
    const refreshToken = sealed && (await vault.open(sealed, tokenPlace(row, 'refresh_token')))
    return { ...claim, epoch: row.epoch, material: { credential: row, refreshToken } }
  },

  finish: async ({ id, epoch, generation, material: presented }, { resource }, { material, token: brought }) => {
    const next = { ...presented.credential, resource, generation: generation + 1 }
    const refreshToken = material?.refreshToken ?? presented.refreshToken
    const refresh_token =
      refreshToken === null ? null : await vault.seal(refreshToken, tokenPlace(next, 'refresh_token'))
    const access_token = await vault.seal(brought.token, tokenPlace(next, 'access_token'))
    // The parameters of an expression have no column that tells their type.
    const isInEpoch = sql<boolean>`epoch = ${epoch}`
    const kept = sql<Buffer | null>`case when ${isInEpoch} then ${access_token}::bytea end`
    const keptHash = sql<string | null>`case when ${isInEpoch} then ${hashOf(brought.token)}::text end`
    const row = await db
      .updateTable('oauth_credential')
      .set({
        ...{ refresh_token, generation: generation + 1, attempt: 0, refused_reason: null, ...unleased },
        ...{ access_token: kept, access_token_hash: keptHash, resource, ...lifeColumns(brought) },
        ...(brought.scope === undefined ? {} : { scope: brought.scope })
      })
      .where('id', '=', id)
      .where('generation', '=', generation)
      .where('dead_reason', 'is', null)
      .returning('epoch')
      .executeTakeFirst()
    if (!row) return 'lost'
    return row.epoch === epoch ? 'kept' : 'emptied'
  },

  // Somebody took it back meanwhile: so is what came. Where they authorized anew instead, it is left to its server.
  discard: async ({ material: { credential } }, { material, token: { token } }) => {
    const { tenant_id, provider_id, user_id, issuer, token_endpoint, client_id, grant_type, resource } = credential
    const bound = { tenant_id, provider_id, user_id, issuer, token_endpoint, client_id, grant_type, resource }
    const place = { ...bound, id: newId(), generation: 0 }
    const refresh = material?.refreshToken ?? null
    await revocationStore(db).keep({
      ...{ ...bound, credential_id: place.id, generation: place.generation },
      refresh_token: refresh === null ? null : await vault.seal(refresh, tokenPlace(place, 'refresh_token')),
      access_token: await vault.seal(token, tokenPlace(place, 'access_token'))
    })
  },

  release: async ({ id, owner, generation, attempt }: Claim, { isCounted, backoffMs }) => {
    await db
      .updateTable('oauth_credential')
      .set({
        ...unleased,
        attempt: isCounted ? attempt : attempt - 1,
        backoff_until: backoffMs > 0 ? sql<Date>`now() + ${`${Math.ceil(backoffMs)} milliseconds`}::interval` : null
      })
      .where('id', '=', id)
      .where('generation', '=', generation)
      .where('attempt', '=', attempt)
      .where('lease_owner', '=', owner)
      .execute()
  },

  kill: async ({ id, generation, attempt }, reason) => {
    const provider = await end(db, { id, generation, attempt }, reason)
    if (provider) onDead(provider)
    return provider !== undefined
  }
})

/** Marks it "sign in again"; what is registered at the authorization server stays. */
const end = (
  db: Kysely<Database>,
  { id, generation, attempt }: Pick<Claim, 'id' | 'generation' | 'attempt'>,
  dead_reason: DeadReason
): Promise<{ id: string; tenant_id: string } | undefined> =>
  db.transaction().execute(async (transaction) => {
    const row = await transaction
      .updateTable('oauth_credential')
      .set({ ...ended, dead_reason, generation: generation + 1 })
      .where('id', '=', id)
      .where('generation', '=', generation)
      .where('attempt', '=', attempt)
      .where('dead_reason', 'is', null)
      .returning(['tenant_id', 'provider_id'])
      .executeTakeFirst()
    if (!row) return undefined
    const subject = { kind: 'provider', id: row.provider_id }
    const details = { reason: dead_reason }
    const { tenant_id } = row
    await recordAudit(transaction, {
      ...{ tenant_id, actor: { kind: 'system' }, action: 'credential.ended', subject, details }
    })
    return { id: row.provider_id, tenant_id }
  })

const isOver = (time: string) => sql<boolean>`coalesce(${sql.ref(time)} <= now(), true)`
const msTo = (time: string) =>
  sql<number>`greatest(0, coalesce(extract(epoch from ${sql.ref(time)} - now()) * 1000, 0))::float8`
