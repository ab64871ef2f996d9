import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { type Kysely, sql } from 'kysely'
import type { CredentialRow, Database } from '../database.ts'
import { type AccessToken, type Holder, tokenPlace } from './credential.ts'
import { keepRevocation } from './revocations/store.ts'

export type CredentialStore = ReturnType<typeof credentialStore>

/** The credentials at the servers' own authorization servers; every question names the tenant. */
export const credentialStore = (db: Kysely<Database>, vault: Pick<Vault, 'open'>) => ({
  find: (holder: Holder): Promise<CredentialRow | undefined> => rowsOf(db, holder).executeTakeFirst(),

  /** Forgets the tokens of a holder, to be taken back where they were given; false where there were none. */
  revoke: (holder: Holder, event: AuditEvent): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      const row = await rowsOf(transaction, holder).forUpdate().executeTakeFirst()
      if (!row || row.dead_reason === 'revoked') return false
      await keepRevocation(transaction, row)
      await transaction
        .updateTable('oauth_credential')
        .set({
          ...ended,
          dead_reason: 'revoked',
          generation: row.generation + 1,
          wanted_scope: null,
          withheld_scope: null
        })
        .where('id', '=', row.id)
        .execute()
      await recordAudit(transaction, event)
      return true
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
    return row && openAccess(vault, row)
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

/** Nobody waits for an answer, and nothing keeps from asking. */
export const unleased = { lease_owner: null, lease_until: null, sent_at: null, backoff_until: null }

/** What is left of a credential that is dead. */
export const ended = {
  ...{ ...unleased, attempt: 0, updated_at: sql<Date>`now()` },
  ...{ refresh_token: null, access_token: null, access_token_hash: null, refused_reason: null }
}

/** When an access token is to be renewed, and when it ends. */
export const lifeColumns = ({ renew_at, expires_at }: Pick<AccessToken, 'renew_at' | 'expires_at'>) => ({
  ...{ issued_at: sql<Date>`now()`, updated_at: sql<Date>`now()` },
  ...{ renew_at: dateOf(renew_at), expires_at: dateOf(expires_at) }
})

const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(ms))

/** The access token of a row in clear. */
export const openAccess = async (vault: Pick<Vault, 'open'>, row: CredentialRow): Promise<AccessToken | undefined> => {
  if (!row.access_token) return undefined
  const token = await vault.open(row.access_token, tokenPlace(row, 'access_token'))
  const [expires_at, renew_at] = [row.expires_at?.getTime() ?? null, row.renew_at?.getTime() ?? null]
  return { token, expires_at, renew_at, scope: row.scope }
}

/** What a holder has; one row at most. */
export const rowsOf = (db: Kysely<Database>, { tenant_id, provider_id, user_id }: Holder) =>
  db
    .selectFrom('oauth_credential')
    .selectAll()
    .where('tenant_id', '=', tenant_id)
    .where('provider_id', '=', provider_id)
    .where('user_id', 'is not distinct from', user_id)
