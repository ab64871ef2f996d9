import type { RefreshStore } from '@onbehalf/lease'
import { newId } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database, Grant } from '../../database.ts'
import { mintedTokenPlace, refreshTokenPlace } from '../place.ts'
import type { GrantStore } from '../store.ts'
import type { Material, MintedToken, Want } from './minted-token.ts'

/** A token this close to its end is not handed out: the call it is for takes time too. */
const skewSeconds = 30
const milliseconds = (until: string) => sql<number>`greatest(0, extract(epoch from ${sql.ref(until)} - now()) * 1000)`

type Needs = {
  db: Kysely<Database>
  vault: Vault
  grants: Pick<GrantStore, 'kill'>
  revoke: (material: Material, refreshToken: string) => Promise<void>
  onDead: (grantId: string) => Promise<void>
}

export type DropRejected = (
  grantId: string,
  want: Want,
  rejected: { hash: string; ageSeconds: number }
) => Promise<void>

/** The rows of `grant` and `minted_token`, as the refresher asks for them. */
export const refreshStore = ({ db, vault, grants, revoke, onDead }: Needs) => {
  const inFlight = new Map<string, Material>()
  const store: RefreshStore<Material, Want, MintedToken> & { dropRejected: DropRejected } = {
    findToken: async (id, { audience, mode, scopes }) => {
      const row = await db
        .selectFrom('minted_token')
        .innerJoin('grant', 'grant.id', 'minted_token.grant_id')
        .select(['tenant_id', 'user_id', 'connection_id'])
        .select(['token', 'token_hash', 'jti', 'expires_at', 'minted_token.generation'])
        .where('grant_id', '=', id)
        .where('audience', '=', audience)
        .where('mode', '=', mode)
        .where('scopes', '=', scopes)
        .where('dead_reason', 'is', null)
        .where('expires_at', '>', sql<Date>`now() + ${sql.lit(`${skewSeconds} seconds`)}::interval`)
        .executeTakeFirst()
      if (!row) return undefined
      const token = await vault.open(row.token, mintedTokenPlace({ id, ...row }, { audience, mode, scopes }))
      const { jti, token_hash } = row
      return { token, token_hash, jti, expires_at: Math.floor(row.expires_at.getTime() / 1000) }
    },

    read: async (id) => {
      const row = await db
        .selectFrom('grant')
        .select(['generation', 'attempt', 'dead_reason', 'lease_owner'])
        .select([milliseconds('lease_until').as('lease_ms'), milliseconds('backoff_until').as('backoff_ms')])
        .where('id', '=', id)
        .executeTakeFirst()
      if (!row) return undefined
      const { generation, attempt, dead_reason, lease_owner: owner } = row
      const [leaseMs, backoffMs] = [Number(row.lease_ms ?? 0), Number(row.backoff_ms ?? 0)]
      return { generation, attempt, isDead: dead_reason !== null, owner, leaseMs, backoffMs }
    },

    take: async (id, { owner, generation, attempt, leaseMs }) => {
      const grant = await db
        .updateTable('grant')
        .set({
          lease_owner: owner,
          lease_until: sql`now() + ${`${Math.ceil(leaseMs)} milliseconds`}::interval`,
          sent_at: sql`now()`,
          attempt: attempt + 1
        })
        .where('id', '=', id)
        .where('generation', '=', generation)
        .where('attempt', '=', attempt)
        .where('dead_reason', 'is', null)
        .where((where) => where.or([where('lease_until', 'is', null), where('lease_until', '<=', sql<Date>`now()`)]))
        .returningAll()
        .returning((eb) =>
          eb
            .selectFrom('user')
            .select('subject')
            .whereRef('user.id', '=', 'grant.user_id')
            .$asScalar()
            .$notNull()
            .as('subject')
        )
        .executeTakeFirst()
      if (!grant?.refresh_token) return undefined
      const refreshToken = await vault
        .open(grant.refresh_token, refreshTokenPlace(grant))
        .catch(async (error: unknown) => {
          // What cannot be opened here (a replica without the right key) was not presented, and must not count so.
          await store.giveBack(id, { owner, generation, attempt: attempt + 1, epoch: grant.epoch }, 0)
          throw error
        })
      const material = { grant, refreshToken }
      inFlight.set(id, material)
      return { material, epoch: grant.epoch }
    },

    finish: async (id, want, held, { material, token }) => {
      const presented = inFlight.get(id)
      if (!presented) throw new Error('a grant was finished that was not taken')
      const stored = await db.transaction().execute(async (transaction) => {
        const next = { ...presented.grant, generation: held.generation + 1 }
        const refreshToken = material?.refreshToken ?? presented.refreshToken
        const moved = await transaction
          .updateTable('grant')
          .set({
            refresh_token: await vault.seal(refreshToken, refreshTokenPlace(next)),
            generation: next.generation,
            attempt: 0,
            lease_owner: null,
            lease_until: null,
            sent_at: null,
            backoff_until: null,
            updated_at: sql`now()`
          })
          .where('id', '=', id)
          .where('generation', '=', held.generation)
          .where('lease_owner', '=', held.owner)
          .where('attempt', '=', held.attempt)
          .where('dead_reason', 'is', null)
          .returning('epoch')
          .executeTakeFirst()
        if (!moved) return 'lost' as const
        // Emptied while it was fetched: the refresh token counts, the token is fetched again.
        if (moved.epoch !== held.epoch) return 'emptied' as const
        if (token) await keep(transaction, vault, next, want, token)
        return 'kept' as const
      })
      if (stored !== 'lost') inFlight.delete(id)
      return stored
    },

    discard: async (id, { material }) => {
      const presented = inFlight.get(id)
      inFlight.delete(id)
      if (!presented || !material) return
      const now = await db.selectFrom('grant').select('dead_reason').where('id', '=', id).executeTakeFirst()
      // A new sign-in may share the IdP's own grant with what was fetched: revoking would end that one too.
      if (!now || now.dead_reason !== null) await revoke(presented, material.refreshToken)
    },

    giveBack: async (id, { owner, generation, attempt }, backoffMs) => {
      inFlight.delete(id)
      await db
        .updateTable('grant')
        .set({
          attempt: attempt - 1,
          lease_owner: null,
          lease_until: null,
          sent_at: null,
          backoff_until: backoffMs > 0 ? sql`now() + ${`${Math.ceil(backoffMs)} milliseconds`}::interval` : null
        })
        .where('id', '=', id)
        .where('generation', '=', generation)
        .where('lease_owner', '=', owner)
        .execute()
    },

    /** Drops a kept token the MCP server did not accept, if it is this one and older than `ageSeconds`. */
    dropRejected: async (id, { audience, mode, scopes }, { hash, ageSeconds }) => {
      await db
        .deleteFrom('minted_token')
        .where('grant_id', '=', id)
        .where('audience', '=', audience)
        .where('mode', '=', mode)
        .where('scopes', '=', scopes)
        .where('token_hash', '=', hash)
        .where('issued_at', '<', sql<Date>`now() - ${`${ageSeconds} seconds`}::interval`)
        .execute()
    },

    kill: async (id, generation, reason) => {
      const tenant_id = inFlight.get(id)?.grant.tenant_id ?? (await tenantOf(db, id))
      inFlight.delete(id)
      if (tenant_id && (await grants.kill(tenant_id, id, reason, generation))) await onDead(id)
    }
  }
  return store
}

const keep = async (
  transaction: Transaction<Database>,
  vault: Vault,
  grant: Grant,
  want: Want,
  { token, token_hash, jti, expires_at }: MintedToken
) => {
  const { id: grant_id, tenant_id, user_id, generation } = grant
  const expiry = new Date(expires_at * 1000)
  const sealed = await vault.seal(token, mintedTokenPlace(grant, want))
  const row = { grant_id, ...want, token: sealed, token_hash, jti, generation, expires_at: expiry }
  await transaction
    .insertInto('minted_token')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['grant_id', 'audience', 'mode', 'scopes']).doUpdateSet({ ...row, issued_at: sql`now()` })
    )
    .execute()
  const { audience, mode } = want
  const issued = { id: newId(), tenant_id, user_id, grant_id, audience, mode, jti, generation, expires_at: expiry }
  await transaction.insertInto('issuance').values(issued).execute()
}

const tenantOf = async (db: Kysely<Database>, id: string): Promise<string | undefined> =>
  (await db.selectFrom('grant').select('tenant_id').where('id', '=', id).executeTakeFirst())?.tenant_id
