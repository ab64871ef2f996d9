import type { Role } from '@onbehalf/contracts'
import { newId } from '@onbehalf/service-kit'
import type { Kysely } from 'kysely'
import type { ApiKey, App, Database } from '../database.ts'

export type ApiKeyStore = ReturnType<typeof apiKeyStore>

export type LiveKey = ApiKey & { setter_role: Role | null }
type Settings = Pick<ApiKey, 'act_for' | 'listed' | 'set_by_kind' | 'set_by_id' | 'set_by_role'>

export const apiKeyStore = (db: Kysely<Database>) => ({
  /** With the role that who set it has now; null for the bootstrap file, and for who has none. */
  findLive: (key_hash: string): Promise<LiveKey | undefined> =>
    db
      .selectFrom('api_key')
      .leftJoin('member as setter', 'setter.user_id', 'api_key.set_by_id')
      .selectAll('api_key')
      .select('setter.role as setter_role')
      .where('key_hash', '=', key_hash)
      .where('revoked_at', 'is', null)
      .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', where.fn<Date>('now'))]))
      .executeTakeFirst(),

  touch: async (id: string): Promise<void> => {
    await db
      .updateTable('api_key')
      .set({ last_used_at: (eb) => eb.fn<Date>('now') })
      .where('id', '=', id)
      .execute()
  },

  /** The tenant's app of this name; made where there is none. */
  putApp: async (tenant_id: string, name: string): Promise<{ app: App; isNew: boolean }> => {
    const held = await db
      .selectFrom('app')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .where('name', '=', name)
      .forUpdate()
      .executeTakeFirst()
    if (held) return { app: held, isNew: false }
    const row = { id: newId(), tenant_id, name }
    return { app: await db.insertInto('app').values(row).returningAll().executeTakeFirstOrThrow(), isNew: true }
  },

  /** The app's key of this hash, held until the transaction ends. */
  lockKey: (app: Pick<App, 'id' | 'tenant_id'>, key_hash: string): Promise<ApiKey | undefined> =>
    db
      .selectFrom('api_key')
      .selectAll()
      .where('tenant_id', '=', app.tenant_id)
      .where('app_id', '=', app.id)
      .where('key_hash', '=', key_hash)
      .forUpdate()
      .executeTakeFirst(),

  addKey: async (key: Pick<ApiKey, 'tenant_id' | 'app_id' | 'key_hash' | 'prefix'> & Settings) => {
    const row = { id: newId(), ...key, expires_at: null, revoked_at: null }
    await db.insertInto('api_key').values(row).execute()
    return row.id
  },

  setKey: async (id: string, set: Settings): Promise<void> => {
    await db.updateTable('api_key').set(set).where('id', '=', id).execute()
  }
})
