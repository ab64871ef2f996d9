import type { Vault } from '@onbehalf/vault'
import type { Kysely } from 'kysely'
import type { Connection, Database } from '../database.ts'

export type ConnectionStore = ReturnType<typeof connectionStore>

export const secretPlace = ({ tenant_id, id }: Pick<Connection, 'tenant_id' | 'id'>) => ({
  tenant_id,
  table: 'connection',
  column: 'client_secret',
  row: id
})

export const connectionStore = (db: Kysely<Database>, vault: Vault) => ({
  find: (tenant_id: string, id: string) =>
    db.selectFrom('connection').selectAll().where('tenant_id', '=', tenant_id).where('id', '=', id).executeTakeFirst(),
  /** The tenant's connections, oldest first. */
  list: (tenant_id: string) =>
    db.selectFrom('connection').selectAll().where('tenant_id', '=', tenant_id).orderBy('created_at').execute(),
  secretOf: async (connection: Connection): Promise<string | undefined> =>
    connection.client_secret ? vault.open(connection.client_secret, secretPlace(connection)) : undefined
})
