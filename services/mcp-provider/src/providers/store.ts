import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database, NewProviderRow, ProviderRow, ProviderRowChange } from '../database.ts'
import { dropCredentials } from '../oauth/revocations/store.ts'
import type { Sight } from './sight.ts'

export type ProviderStore = ReturnType<typeof providerStore>

/** All but `tools_left_out`, which only those who look at a provider need. */
const openColumns = [
  ...(['id', 'tenant_id', 'revision', 'reach_revision', 'created_at', 'updated_at'] as const),
  ...(['name', 'server_identifier', 'server_url', 'resource', 'icon', 'icon_type', 'icon_background'] as const),
  ...(['headers', 'authentication', 'authorization_issuer', 'timeout', 'sse_read_timeout'] as const),
  ...(['forward_user_identity', 'identity_mode', 'forward_id_token', 'auth_scope'] as const),
  ...(['tool_changes', 'external', 'keep_arguments', 'tools_status', 'tools_error', 'tools_listed_at'] as const)
] as const
export type OpenRow = Pick<ProviderRow, (typeof openColumns)[number]>

/** The providers of all tenants; every question names the tenant, and every change is recorded with it. */
export const providerStore = (db: Kysely<Database>) => ({
  /** All of them, or none: undefined where the tenant would have more than so many. */
  insertAll: (tenant_id: string, made: readonly MadeRow[], providersMax: number): Promise<ProviderRow[] | undefined> =>
    db.transaction().execute(async (transaction) => {
      if ((await countAlone(transaction, tenant_id)) + made.length > providersMax) return undefined
      const rows = made.map(({ row }) => row)
      const stored = await transaction.insertInto('provider').values(rows).returningAll().execute()
      await recordAudit(transaction, ...made.map(({ event }) => event))
      return stored
    }),

  /** Those of the tenant that have a name, an identifier or a URL of one of these. */
  findTaken: (tenant_id: string, rows: readonly Unique[]): Promise<Unique[]> =>
    db
      .selectFrom('provider')
      .select(['name', 'server_identifier', 'server_url_hash'])
      .where('tenant_id', '=', tenant_id)
      .where(({ eb, or }) =>
        or(
          (['name', 'server_identifier', 'server_url_hash'] as const).map((column) =>
            eb(column, '=', sql<string>`any(${rows.map((row) => row[column])}::text[])`)
          )
        )
      )
      .execute(),

  find: (tenant_id: string, id: string): Promise<OpenRow | undefined> =>
    db
      .selectFrom('provider')
      .select(openColumns)
      .where('tenant_id', '=', tenant_id)
      .where('id', '=', id)
      .executeTakeFirst(),

  /** With what was left out of its tools. */
  findShown: (tenant_id: string, id: string): Promise<ProviderRow | undefined> =>
    db.selectFrom('provider').selectAll().where('tenant_id', '=', tenant_id).where('id', '=', id).executeTakeFirst(),

  findByIdentifier: (tenant_id: string, server_identifier: string) =>
    db
      .selectFrom('provider')
      .select(openColumns)
      .where('tenant_id', '=', tenant_id)
      .where('server_identifier', '=', server_identifier)
      .executeTakeFirst(),

  /** Those that somebody may use, by their identifiers. */
  usable: ({ tenant_id, isExternal }: Sight, { after, limit }: { after: string; limit: number }) =>
    db
      .selectFrom('provider')
      .select('server_identifier')
      .where('tenant_id', '=', tenant_id)
      .where('server_identifier', '>', after)
      .$if(isExternal, (all) => all.where('external', '=', true))
      .orderBy('server_identifier')
      .limit(limit)
      .execute(),

  forwarding: (tenant_id: string) =>
    db
      .selectFrom('provider')
      .select(openColumns)
      .where('tenant_id', '=', tenant_id)
      .where('forward_user_identity', '=', true)
      .where('identity_mode', '<>', 'off')
      .orderBy('id')
      .execute(),

  /** Those that may be meant by an audience: those with one of these URLs, and those with a resource, which is sealed. */
  perhapsAt: (tenant_id: string, server_url_hashes: readonly string[]) =>
    db
      .selectFrom('provider')
      .select(openColumns)
      .where('tenant_id', '=', tenant_id)
      .where(({ eb, or }) => or([eb('server_url_hash', 'in', server_url_hashes), eb('resource', 'is not', null)]))
      .execute(),

  /** Takes over new settings if the row still has the revision they were made from; else undefined. */
  replace: (
    { id, tenant_id, revision }: Pick<ProviderRow, 'id' | 'tenant_id' | 'revision'>,
    change: ProviderRowChange,
    { dropsTools, dropsCredentials, approvesTools, event }: Along
  ): Promise<ProviderRow | undefined> =>
    db.transaction().execute(async (transaction) => {
      if (dropsCredentials) {
        // They are kept with what the row says of their client until now.
        const held = await lock(transaction, tenant_id, id)
        if (held?.revision !== revision) return undefined
        await dropCredentials(transaction, { id })
      }
      const row = await transaction
        .updateTable('provider')
        .set({ ...change, ...(dropsTools ? unlisted : {}), revision: revision + 1, updated_at: sql`now()` })
        .where('tenant_id', '=', tenant_id)
        .where('id', '=', id)
        .where('revision', '=', revision)
        .returningAll()
        .executeTakeFirst()
      if (!row) return undefined
      await recordAudit(transaction, event)
      if (dropsTools) await transaction.deleteFrom('tool').where('provider_id', '=', id).execute()
      if (approvesTools) await approveTools(transaction, id)
      return row
    }),

  /** Takes one away with its tools and credentials; false where there was none. */
  remove: (tenant_id: string, id: string, event: AuditEvent): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      if (!(await lock(transaction, tenant_id, id))) return false
      await dropCredentials(transaction, { id })
      await transaction.deleteFrom('provider').where('id', '=', id).execute()
      await recordAudit(transaction, event)
      return true
    })
})

/** A provider as it is stored first, with the event of its making. */
export type MadeRow = { row: NewProviderRow; event: AuditEvent }

/** How many the tenant has; nobody else counts them, so as to make more, until the transaction ends. */
const countAlone = async (transaction: Transaction<Database>, tenant_id: string): Promise<number> => {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`providers ${tenant_id}`}, 0))`.execute(transaction)
  const { count } = await transaction
    .selectFrom('provider')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('tenant_id', '=', tenant_id)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** What a change takes along. */
type Along = { dropsTools: boolean; dropsCredentials: boolean; approvesTools: boolean; event: AuditEvent }

/** What no two providers of a tenant share. */
export type Unique = Pick<ProviderRow, 'name' | 'server_identifier' | 'server_url_hash'>

const lock = (transaction: Transaction<Database>, tenant_id: string, id: string) =>
  transaction
    .selectFrom('provider')
    .select('revision')
    .where('tenant_id', '=', tenant_id)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()

const unlisted = { tools_listed_at: null, tools_left_out: '[]' } as const

const approveTools = (transaction: Transaction<Database>, provider_id: string) =>
  transaction
    .updateTable('tool')
    .set({ is_approved: true, approved_definition: null })
    .where('provider_id', '=', provider_id)
    .where('is_approved', '=', false)
    .execute()

const fieldByConstraint = {
  provider_name_taken: 'name',
  provider_server_identifier_taken: 'server_identifier',
  provider_server_url_taken: 'server_url'
} as const

/** The field whose value another provider of the tenant has, when that is why Postgres refused. */
export const takenFieldOf = (error: unknown): string | undefined => {
  if (!(error instanceof Error) || !('constraint' in error)) return undefined
  const found = Object.entries(fieldByConstraint).find(([constraint]) => constraint === error.constraint)
  return found?.[1]
}
