import { ReportedError } from '@onbehalf/errors'
import { type AuditEvent, hashOf, newId, recordAudit } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { type Kysely, sql } from 'kysely'
import type { CredentialRow, Database } from '../database.ts'
import { type AccessToken, type Holder, type PresentedCredential, tokenPlace } from './credential.ts'

export type CredentialStore = ReturnType<typeof credentialStore>

/** What an authorization brought. */
export type BroughtCredential = Omit<PresentedCredential, 'id' | 'generation'> & {
  refresh_token: string | null
  access: AccessToken
}

/** The credentials at the servers' own authorization servers; every question names the tenant. */
export const credentialStore = (db: Kysely<Database>, vault: Pick<Vault, 'seal' | 'open'>) => ({
  find: ({ tenant_id, provider_id, user_id }: Holder): Promise<CredentialRow | undefined> =>
    db
      .selectFrom('oauth_credential')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .where('provider_id', '=', provider_id)
      .where('user_id', 'is not distinct from', user_id)
      .executeTakeFirst(),

  /** Puts what an authorization brought in the place of whatever the holder had, of this issuer or another. */
  put: async (brought: BroughtCredential, event: AuditEvent): Promise<void> => {
    for (let round = 0; round < roundsMax; round += 1) if (await putOnce(db, vault, brought, event)) return
    throw new ReportedError('conflict', 'Several authorizations ended at the same moment. Try again.')
  },

  /** Forgets the tokens of a holder; whether there were any. */
  revoke: ({ tenant_id, provider_id, user_id }: Holder, event: AuditEvent): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable('oauth_credential')
        .set({
          ...{ dead_reason: 'revoked', generation: sql<number>`generation + 1`, attempt: 0, wanted_scope: null },
          ...{ refresh_token: null, access_token: null, access_token_hash: null, updated_at: sql<Date>`now()` },
          ...unleased
        })
        .where('tenant_id', '=', tenant_id)
        .where('provider_id', '=', provider_id)
        .where('user_id', 'is not distinct from', user_id)
        .where(sql<boolean>`dead_reason is distinct from 'revoked'`)
        .executeTakeFirst()
      if (numUpdatedRows > 0n) await recordAudit(transaction, event)
      return numUpdatedRows > 0n
    }),

  /** The access token while it lasts, also when it is time for another one. */
  current: async (id: string): Promise<AccessToken | undefined> => {
    const row = await db
      .selectFrom('oauth_credential')
      .selectAll()
      .where('id', '=', id)
      .where('dead_reason', 'is', null)
      .where(sql<boolean>`coalesce(expires_at > now() + interval '5 seconds', true)`)
      .executeTakeFirst()
    if (!row?.access_token) return undefined
    const token = await vault.open(row.access_token, tokenPlace(row, 'access_token'))
    const [expires_at, renew_at] = [row.expires_at?.getTime() ?? null, row.renew_at?.getTime() ?? null]
    return { token, expires_at, renew_at, scope: row.scope }
  },

  /** What the next authorization is to ask for. */
  want: async (id: string, wanted_scope: string): Promise<void> => {
    await db.updateTable('oauth_credential').set({ wanted_scope }).where('id', '=', id).execute()
  },

  /** Drops the access token that its server did not accept, if it is this one and older than `ageSeconds`. */
  dropToken: async (id: string, { hash, ageSeconds }: { hash: string; ageSeconds: number }): Promise<void> => {
    await db
      .updateTable('oauth_credential')
      .set({ access_token: null, access_token_hash: null, epoch: sql<number>`epoch + 1` })
      .where('id', '=', id)
      .where('access_token_hash', '=', hash)
      .where('issued_at', '<', sql<Date>`now() - ${`${ageSeconds} seconds`}::interval`)
      .execute()
  }
})

const roundsMax = 3
const unleased = { lease_owner: null, lease_until: null, sent_at: null, backoff_until: null }

type Vaulted = Pick<Vault, 'seal'>

/** Sealed for the generation that comes after the one that was seen; false where another one came meanwhile. */
const putOnce = async (
  db: Kysely<Database>,
  vault: Vaulted,
  { refresh_token: refresh, access, ...bound }: BroughtCredential,
  event: AuditEvent
): Promise<boolean> => {
  const { provider_id, user_id } = bound
  const seen = await db
    .selectFrom('oauth_credential')
    .select(['id', 'generation'])
    .where('provider_id', '=', provider_id)
    .where('user_id', 'is not distinct from', user_id)
    .executeTakeFirst()
  const place = { ...bound, id: seen?.id ?? newId(), generation: (seen?.generation ?? 0) + 1 }
  const row = {
    ...{ ...place, ...unleased, attempt: 0, wanted_scope: null, dead_reason: null },
    refresh_token: refresh === null ? null : await vault.seal(refresh, tokenPlace(place, 'refresh_token')),
    access_token: await vault.seal(access.token, tokenPlace(place, 'access_token')),
    ...{ access_token_hash: hashOf(access.token), issued_at: sql<Date>`now()`, updated_at: sql<Date>`now()` },
    ...{ renew_at: dateOf(access.renew_at), expires_at: dateOf(access.expires_at) }
  }
  return db.transaction().execute(async (transaction) => {
    const stored = seen
      ? await transaction
          .updateTable('oauth_credential')
          .set(row)
          .where('id', '=', seen.id)
          .where('generation', '=', seen.generation)
          .returning('id')
          .executeTakeFirst()
      : await transaction
          .insertInto('oauth_credential')
          .values(row)
          .onConflict((conflict) => conflict.constraint('oauth_credential_once').doNothing())
          .returning('id')
          .executeTakeFirst()
    if (!stored) return false
    const pinned = { authorization_issuer: bound.issuer }
    await transaction.updateTable('provider').set(pinned).where('id', '=', provider_id).execute()
    await recordAudit(transaction, event)
    return true
  })
}

const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(ms))
