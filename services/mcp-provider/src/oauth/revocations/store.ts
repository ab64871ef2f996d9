import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database, RevocationRow } from '../../database.ts'

export type RevocationStore = ReturnType<typeof revocationStore>

/** What was dropped and is to be taken back where it was given; the clock is the database's. */
export const revocationStore = (db: Kysely<Database>) => ({
  /** Those whose time has come, for this replica alone: another one takes them up after `leaseSeconds`. */
  claim: (limit: number, leaseSeconds: number): Promise<RevocationRow[]> =>
    db
      .updateTable('oauth_revocation')
      .set({ due_at: later(leaseSeconds), attempt: sql<number>`attempt + 1` })
      .where(({ eb, refTuple }) =>
        eb(refTuple('credential_id', 'generation'), 'in', (query) =>
          query
            .selectFrom('oauth_revocation')
            .select(['credential_id', 'generation'])
            .where('due_at', '<=', sql<Date>`now()`)
            .orderBy('due_at')
            .limit(limit)
            .forUpdate()
            .skipLocked()
            .$asTuple('credential_id', 'generation')
        )
      )
      .returningAll()
      .execute(),

  postpone: async ({ credential_id, generation }: Key, seconds: number): Promise<void> => {
    await db
      .updateTable('oauth_revocation')
      .set({ due_at: later(seconds) })
      .where('credential_id', '=', credential_id)
      .where('generation', '=', generation)
      .execute()
  },

  forget: async ({ credential_id, generation }: Key): Promise<void> => {
    await db
      .deleteFrom('oauth_revocation')
      .where('credential_id', '=', credential_id)
      .where('generation', '=', generation)
      .execute()
  }
})

type Key = Pick<RevocationRow, 'credential_id' | 'generation'>

/** Keeps what one credential is, to be taken back. Its row and its provider's are locked, and still as they were. */
export const keepRevocation = async (transaction: Transaction<Database>, credential_id: string): Promise<void> => {
  await sql`${keptFrom('oauth_credential')} and credential.id = ${credential_id}`.execute(transaction)
}

/** Takes away all credentials of a provider, to be taken back. Its row is locked, and still as it was. */
export const dropCredentials = async (transaction: Transaction<Database>, provider_id: string): Promise<void> => {
  await sql`
    with dropped as (delete from oauth_credential where provider_id = ${provider_id} returning *)
    ${keptFrom('dropped')}`.execute(transaction)
}

// As they are sealed: nothing has to be opened for something to be dropped.
const keptFrom = (table: 'oauth_credential' | 'dropped') => sql`
  insert into oauth_revocation (
    credential_id, generation, tenant_id, provider_id, user_id, issuer, token_endpoint, client_id, grant_type, resource,
    refresh_token, access_token, authentication, authorization_issuer)
  select
    credential.id, generation, credential.tenant_id, provider_id, user_id, issuer, token_endpoint, client_id, grant_type,
    credential.resource, refresh_token, access_token, authentication, authorization_issuer
  from ${sql.table(table)} as credential join provider on provider.id = provider_id
  where coalesce(refresh_token, access_token) is not null`

const later = (seconds: number) => sql<Date>`now() + make_interval(secs => ${seconds})`
