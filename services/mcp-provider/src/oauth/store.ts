import { ReportedError } from '@onbehalf/errors'
import { type AuditEvent, hashOf, newId, recordAudit } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { CredentialRow, Database } from '../database.ts'
import { type AccessToken, type Holder, type PresentedCredential, tokenPlace } from './credential.ts'

export type CredentialStore = ReturnType<typeof credentialStore>

/** What an authorization brought. */
export type BroughtCredential = Omit<PresentedCredential, 'id' | 'generation'> & {
  refresh_token: string | null
  access: AccessToken
}

/** The revision of the provider that it was brought for, and what is put on record. */
type BroughtFor = { revision: number; event: AuditEvent }

/** The credentials at the servers' own authorization servers; every question names the tenant. */
export const credentialStore = (db: Kysely<Database>, vault: Pick<Vault, 'seal' | 'open'>) => ({
  find: (holder: Holder): Promise<CredentialRow | undefined> => rowsOf(db, holder).executeTakeFirst(),

  /**
   * Puts what an authorization brought in the place of whatever the holder had, of this issuer or another; false where the
   * provider was changed since, so that it may be for another server, or for nobody.
   */
  put: async (brought: BroughtCredential, given: BroughtFor): Promise<boolean> => {
    for (let round = 0; round < roundsMax; round += 1) {
      const outcome = await putOnce(db, vault, brought, given)
      if (outcome !== 'raced') return outcome === 'stored'
    }
    throw new ReportedError('conflict', 'Several authorizations ended at the same moment. Try again.')
  },

  /** Forgets the tokens of a holder; what they were, where there were any. */
  revoke: (holder: Holder, event: AuditEvent): Promise<CredentialRow | undefined> =>
    db.transaction().execute(async (transaction) => {
      const row = await rowsOf(transaction, holder).forUpdate().executeTakeFirst()
      if (!row || row.dead_reason === 'revoked') return undefined
      await transaction
        .updateTable('oauth_credential')
        .set({ ...ended, dead_reason: 'revoked', generation: row.generation + 1, wanted_scope: null })
        .where('id', '=', row.id)
        .execute()
      await recordAudit(transaction, event)
      return row
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

/** Takes away all credentials of a provider, and answers with what they were. Its row is locked already. */
export const dropCredentials = (transaction: Transaction<Database>, provider_id: string): Promise<CredentialRow[]> =>
  transaction.deleteFrom('oauth_credential').where('provider_id', '=', provider_id).returningAll().execute()

/** Nobody waits for an answer, and nothing keeps from asking. */
export const unleased = { lease_owner: null, lease_until: null, sent_at: null, backoff_until: null }

/** What is left of a credential that is dead. */
export const ended = {
  ...{ ...unleased, attempt: 0, updated_at: sql<Date>`now()` },
  ...{ refresh_token: null, access_token: null, access_token_hash: null }
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

const rowsOf = (db: Kysely<Database>, { tenant_id, provider_id, user_id }: Holder) =>
  db
    .selectFrom('oauth_credential')
    .selectAll()
    .where('tenant_id', '=', tenant_id)
    .where('provider_id', '=', provider_id)
    .where('user_id', 'is not distinct from', user_id)

const roundsMax = 3

/** Sealed for the generation that comes after the one that was seen; `raced` where another one came meanwhile. */
const putOnce = async (
  db: Kysely<Database>,
  vault: Pick<Vault, 'seal'>,
  { refresh_token: refresh, access, ...bound }: BroughtCredential,
  { revision, event }: BroughtFor
): Promise<'stored' | 'raced' | 'changed'> => {
  const seen = await rowsOf(db, bound).executeTakeFirst()
  const place = { ...bound, id: seen?.id ?? newId(), generation: (seen?.generation ?? 0) + 1 }
  const row = {
    ...{ ...place, ...unleased, attempt: 0, wanted_scope: null, dead_reason: null },
    refresh_token: refresh === null ? null : await vault.seal(refresh, tokenPlace(place, 'refresh_token')),
    access_token: await vault.seal(access.token, tokenPlace(place, 'access_token')),
    ...{ access_token_hash: hashOf(access.token), ...lifeColumns(access) }
  }
  return db.transaction().execute(async (transaction) => {
    // First the provider's row, as whoever changes it does.
    const pinned = await transaction
      .updateTable('provider')
      .set({ authorization_issuer: bound.issuer })
      .where('tenant_id', '=', bound.tenant_id)
      .where('id', '=', bound.provider_id)
      .where('revision', '=', revision)
      .returning('id')
      .executeTakeFirst()
    if (!pinned) return 'changed'
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
    if (!stored) return 'raced'
    await recordAudit(transaction, event)
    return 'stored'
  })
}
