import { type Kysely, sql, type Transaction } from 'kysely'
import type { CredentialRow, Database, ProviderRow, RevocationRow } from '../../database.ts'

export type Claim = {
  limit: number
  /** So many of one tenant at once. */
  perTenant: number
  /** Tenants of whom none are taken. */
  except: readonly string[]
  leaseSeconds: number
}

/** Whose authorization servers take nothing back does not fill the table. */
const tenantMax = 10_000

/** How many of a tenant's. */
export type GivenUp = { tenant_id: string; count: number }

export type RevocationStore = ReturnType<typeof revocationStore>

/** What was dropped and is to be taken back where it was given; the clock is the database's. */
export const revocationStore = (db: Kysely<Database>) => ({
  /** Those whose time has come, for this replica alone: another one takes them up after `leaseSeconds`. */
  claim: ({ limit, perTenant, except, leaseSeconds }: Claim): Promise<RevocationRow[]> =>
    db
      .with('oldest', (query) =>
        query
          .selectFrom('oauth_revocation')
          .select(['credential_id', 'generation', 'tenant_id', 'due_at'])
          .where('due_at', '<=', sql<Date>`now()`)
          .where('tenant_id', '<>', sql<string>`all(${except}::uuid[])`)
          .orderBy('due_at')
          .limit(limit)
          .forUpdate()
          .skipLocked()
      )
      .with('placed', (query) =>
        query
          .selectFrom('oldest')
          .select(['credential_id', 'generation'])
          .select(sql<number>`row_number() over (partition by tenant_id order by due_at)`.as('place'))
      )
      .updateTable('oauth_revocation')
      .set({ due_at: later(leaseSeconds), attempt: sql<number>`attempt + 1` })
      .where(({ eb, refTuple }) =>
        eb(refTuple('credential_id', 'generation'), 'in', (query) =>
          query
            .selectFrom('placed')
            .select(['credential_id', 'generation'])
            .where('place', '<=', perTenant)
            .$asTuple('credential_id', 'generation')
        )
      )
      .returningAll()
      .execute(),

  /** Whether the same client got something of the same server for the same holder, which may share its grant with this. */
  isFollowed: async ({ tenant_id, user_id, issuer, client_id }: RevocationRow): Promise<boolean> => {
    const living = await db
      .selectFrom('oauth_credential')
      .select('id')
      .where('tenant_id', '=', tenant_id)
      .where('user_id', 'is not distinct from', user_id)
      .where('issuer', '=', issuer)
      .where('client_id', '=', client_id)
      .where('dead_reason', 'is', null)
      .executeTakeFirst()
    return living !== undefined
  },

  /** Keeps what came late, when it was no longer wanted. With a provider that is gone its own client is gone as well. */
  keep: async (late: LateCredential): Promise<void> => {
    const provider = await db
      .selectFrom('provider')
      .select(['authentication', 'authorization_issuer'])
      .where('id', '=', late.provider_id)
      .executeTakeFirst()
    const client = provider ?? { authentication: null, authorization_issuer: null }
    await db
      .insertInto('oauth_revocation')
      .values({ ...late, ...client })
      .execute()
  },

  postpone: async ({ credential_id, generation }: Key, seconds: number): Promise<void> => {
    await db
      .updateTable('oauth_revocation')
      .set({ due_at: later(seconds) })
      .where('credential_id', '=', credential_id)
      .where('generation', '=', generation)
      .execute()
  },

  /** Of each of these tenants the newest 10,000 are kept; how many were given up of whom. */
  giveUpOldest: async (tenants: readonly string[] | 'all'): Promise<GivenUp[]> => {
    const among = tenants === 'all' ? sql`true` : sql`tenant_id = any(${tenants}::uuid[])`
    const { rows } = await sql<GivenUp>`
      with surplus as (
        delete from oauth_revocation where (credential_id, generation) in (
          select credential_id, generation from (
            select credential_id, generation, row_number() over (partition by tenant_id order by created_at desc) as place
            from oauth_revocation where tenant_id in (
              select tenant_id from oauth_revocation where ${among} group by tenant_id having count(*) > ${tenantMax})
          ) as placed where place > ${tenantMax})
        returning tenant_id)
      select tenant_id, count(*)::int as count from surplus group by tenant_id`.execute(db)
    return rows
  },

  forget: async ({ credential_id, generation }: Key): Promise<void> => {
    await db
      .deleteFrom('oauth_revocation')
      .where('credential_id', '=', credential_id)
      .where('generation', '=', generation)
      .execute()
  }
})

/** Sealed for a row of its own. */
export type LateCredential = Omit<
  RevocationRow,
  'authentication' | 'authorization_issuer' | 'attempt' | 'due_at' | 'created_at'
>

type Key = Pick<RevocationRow, 'credential_id' | 'generation'>

/** Keeps what one credential is, to be taken back. Its row is locked, and still as it was. */
export const keepRevocation = async (
  transaction: Transaction<Database>,
  { id }: Pick<CredentialRow, 'id'>
): Promise<void> => {
  await sql`${keptFrom('oauth_credential')} and credential.id = ${id}`.execute(transaction)
}

/** Takes away all credentials of a provider, to be taken back. Its row is locked, and still as it was. */
export const dropCredentials = async (
  transaction: Transaction<Database>,
  { id }: Pick<ProviderRow, 'id'>
): Promise<void> => {
  await sql`
    with dropped as (delete from oauth_credential where provider_id = ${id} returning *)
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
