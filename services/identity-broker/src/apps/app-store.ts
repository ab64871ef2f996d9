import { ReportedError } from '@onbehalf/errors'
import { type AuditEvent, newId, recordAudit } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { ApiKey, App, Database, LinkKey } from '../database.ts'
import { type RolesAmong, rolesAmong } from '../members/roles-store.ts'

export type AppStore = ReturnType<typeof appStore>

type NewApp = { tenant_id: string; name: string; return_urls: string[]; link_keys: LinkKey[] }
type Page = { cursor?: string; limit: number }
type NewKey = Pick<
  ApiKey,
  | 'tenant_id'
  | 'app_id'
  | 'key_hash'
  | 'prefix'
  | 'scopes'
  | 'act_for'
  | 'listed'
  | 'expires_at'
  | 'set_by_kind'
  | 'set_by_id'
  | 'set_by_role'
>
type EventOf = (id: string) => AuditEvent
type AppChange = { name?: string; return_urls?: string[]; link_keys?: LinkKey[] }
type KeyChange = Partial<
  Pick<ApiKey, 'act_for' | 'listed' | 'expires_at' | 'set_by_kind' | 'set_by_id' | 'set_by_role'>
>
/** What is to become of a key that nobody else changes meanwhile. */
type Decide = (held: ApiKey, rolesAmong: RolesAmong) => Promise<{ change: KeyChange; event: AuditEvent }>

/** Apps and their keys, as those who look after the tenant see them; every change is recorded with it. */
export const appStore = (db: Kysely<Database>) => ({
  insert: ({ link_keys, ...app }: NewApp, eventOf: EventOf): Promise<App> =>
    db.transaction().execute(async (transaction) => {
      const stored = await transaction
        .insertInto('app')
        .values({ id: newId(), ...app, link_keys: JSON.stringify(link_keys) })
        .returningAll()
        .executeTakeFirstOrThrow()
        .catch(refuseTaken)
      await recordAudit(transaction, eventOf(stored.id))
      return stored
    }),

  find: (tenant_id: string, id: string): Promise<App | undefined> =>
    db.selectFrom('app').selectAll().where('tenant_id', '=', tenant_id).where('id', '=', id).executeTakeFirst(),

  /** For what an app signed itself: its tenant is the one that is meant. */
  findById: (id: string): Promise<App | undefined> =>
    db.selectFrom('app').selectAll().where('id', '=', id).executeTakeFirst(),

  /** The app of this id, or else of this name. */
  findCalled: (tenant_id: string, { id, name }: { id: string; name: string }): Promise<App | undefined> =>
    db
      .selectFrom('app')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .where((where) => where.or([where('name', '=', name), where(where.cast('id', 'text'), '=', id)]))
      .orderBy((order) => order(order.cast<string>('id', 'text'), '=', id), 'desc')
      .limit(1)
      .executeTakeFirst(),

  page: (tenant_id: string, { cursor, limit }: Page): Promise<App[]> =>
    db
      .selectFrom('app')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .$if(cursor !== undefined, (query) => query.where('id', '<', cursor ?? ''))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute(),

  /** Sets what the change names, and nothing else: somebody may set the rest at the same time. */
  update: (
    { tenant_id, id }: Pick<App, 'id' | 'tenant_id'>,
    { link_keys, ...plain }: AppChange,
    event: AuditEvent
  ): Promise<App | undefined> =>
    db.transaction().execute(async (transaction) => {
      const stored = await transaction
        .updateTable('app')
        // A change may name nothing.
        .set({ tenant_id, ...plain, ...(link_keys ? { link_keys: JSON.stringify(link_keys) } : {}) })
        .where('tenant_id', '=', tenant_id)
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst()
        .catch(refuseTaken)
      if (stored) await recordAudit(transaction, event)
      return stored
    }),

  /** Its keys and links go with it. */
  remove: (tenant_id: string, id: string, event: AuditEvent): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      const { numDeletedRows } = await transaction
        .deleteFrom('app')
        .where('tenant_id', '=', tenant_id)
        .where('id', '=', id)
        .executeTakeFirst()
      if (numDeletedRows > 0n) await recordAudit(transaction, event)
      return numDeletedRows > 0n
    }),

  insertKey: (key: NewKey, eventOf: EventOf): Promise<ApiKey> =>
    db.transaction().execute(async (transaction) => {
      const stored = await transaction
        .insertInto('api_key')
        .values({ id: newId(), ...key, revoked_at: null })
        .returningAll()
        .executeTakeFirstOrThrow()
      await recordAudit(transaction, eventOf(stored.id))
      return stored
    }),

  findKey: (app: Pick<App, 'id' | 'tenant_id'>, id: string): Promise<ApiKey | undefined> =>
    keysOf(db, app).where('id', '=', id).executeTakeFirst(),

  pageKeys: (app: Pick<App, 'id' | 'tenant_id'>, { cursor, limit }: Page): Promise<ApiKey[]> =>
    keysOf(db, app)
      .$if(cursor !== undefined, (query) => query.where('id', '<', cursor ?? ''))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute(),

  /** Sets what was decided on the key as it is, and nothing else; undefined where there is none. */
  updateKey: (app: Pick<App, 'id' | 'tenant_id'>, id: string, decide: Decide): Promise<ApiKey | undefined> =>
    db.transaction().execute(async (transaction) => {
      const held = await keysOf(transaction, app).where('id', '=', id).forUpdate().executeTakeFirst()
      if (!held) return undefined
      const { change, event } = await decide(held, rolesAmong(transaction))
      const stored = await transaction
        .updateTable('api_key')
        .set({ app_id: app.id, ...change })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow()
      await recordAudit(transaction, event)
      return stored
    }),

  revokeKey: ({ id, tenant_id }: ApiKey, event: AuditEvent): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable('api_key')
        .set({ revoked_at: sql<Date>`now()` })
        .where('tenant_id', '=', tenant_id)
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .executeTakeFirst()
      if (numUpdatedRows > 0n) await recordAudit(transaction, event)
      return numUpdatedRows > 0n
    }),

  rolesAmong: rolesAmong(db)
})

const keysOf = (db: Kysely<Database>, { id, tenant_id }: Pick<App, 'id' | 'tenant_id'>) =>
  db.selectFrom('api_key').selectAll().where('tenant_id', '=', tenant_id).where('app_id', '=', id)

const refuseTaken = (error: unknown): never => {
  if (!(error instanceof Error && 'constraint' in error && error.constraint === 'app_tenant_id_name_key')) throw error
  throw new ReportedError('conflict', 'Another app of your tenant has this name. Choose another one.', {
    details: [{ path: 'name', message: 'is taken' }],
    cause: error
  })
}
