import { ReportedError } from '@onbehalf/errors'
import { type AuditEvent, newId, recordAudit } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { ApiKey, App, Database, LinkKey } from '../database.ts'

export type AppStore = ReturnType<typeof appStore>

type NewApp = { tenant_id: string; name: string; return_urls: string[]; link_keys: LinkKey[] }
type Page = { cursor?: string; limit: number }
type NewKey = Pick<
  ApiKey,
  'tenant_id' | 'app_id' | 'key_hash' | 'prefix' | 'scopes' | 'act_for' | 'listed' | 'expires_at'
>
type EventOf = (id: string) => AuditEvent

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

  update: (app: App, event: AuditEvent): Promise<void> =>
    db.transaction().execute(async (transaction) => {
      const { id, tenant_id, name, return_urls, link_keys } = app
      await transaction
        .updateTable('app')
        .set({ name, return_urls, link_keys: JSON.stringify(link_keys) })
        .where('tenant_id', '=', tenant_id)
        .where('id', '=', id)
        .executeTakeFirst()
        .catch(refuseTaken)
      await recordAudit(transaction, event)
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

  /** Whether the key was there to be changed: one that was revoked meanwhile stays as it is. */
  updateKey: ({ id, tenant_id, act_for, listed, expires_at }: ApiKey, event: AuditEvent): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable('api_key')
        .set({ act_for, listed, expires_at })
        .where('tenant_id', '=', tenant_id)
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .executeTakeFirst()
      if (numUpdatedRows > 0n) await recordAudit(transaction, event)
      return numUpdatedRows > 0n
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

  /** Which of these are users of the tenant. */
  usersAmong: async (tenant_id: string, ids: readonly string[]): Promise<Set<string>> => {
    if (ids.length === 0) return new Set()
    const rows = await db
      .selectFrom('user')
      .select('id')
      .where('tenant_id', '=', tenant_id)
      .where('id', 'in', ids)
      .execute()
    return new Set(rows.map(({ id }) => id))
  }
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
