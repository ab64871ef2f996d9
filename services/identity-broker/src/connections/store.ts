import { openSigningKeys } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { type Insertable, type Kysely, sql } from 'kysely'
import type { Connection, Database, Writing } from '../database.ts'
import type { Credentials } from './authenticate.ts'

export type ConnectionStore = ReturnType<typeof connectionStore>
export type ConnectionWrites = ReturnType<typeof connectionWrites>

export const secretPlace = ({ tenant_id, id }: Pick<Connection, 'tenant_id' | 'id'>) => ({
  tenant_id,
  table: 'connection',
  column: 'client_secret',
  row: id
})

export const connectionStore = (db: Kysely<Database>, vault: Vault) => {
  const secretOf = async (connection: Connection): Promise<string | undefined> =>
    connection.client_secret ? vault.open(connection.client_secret, secretPlace(connection)) : undefined
  const keysOf = ({ id }: Pick<Connection, 'id'>) => openSigningKeys(db, vault, keyPurpose(id))
  return {
    transaction: <Result>(work: (store: ConnectionWrites) => Promise<Result>): Promise<Result> =>
      db.transaction().execute((transaction) => work(connectionWrites(transaction))),

    find: (tenant_id: string, id: string) =>
      db
        .selectFrom('connection')
        .selectAll()
        .where('tenant_id', '=', tenant_id)
        .where('id', '=', id)
        .executeTakeFirst(),

    /** The tenant's connections, oldest first. */
    list: (tenant_id: string) =>
      db.selectFrom('connection').selectAll().where('tenant_id', '=', tenant_id).orderBy('created_at').execute(),

    secretOf,

    /** Our own keys for `private_key_jwt` at this connection; made when they are first asked for. */
    keysOf,

    credentialsOf: async (connection: Connection): Promise<Credentials> => ({
      secret: await secretOf(connection),
      findKey: async () => (await keysOf(connection)).signingKey
    })
  }
}

const keyPurpose = (connectionId: string) => `connection ${connectionId}`

type Row = Omit<Insertable<Connection>, 'id' | 'tenant_id' | 'revision' | 'created_at' | 'updated_at'>

/** Inside of a transaction. */
export const connectionWrites = (db: Writing) => ({
  /** Held until the transaction ends, as by its name. */
  lock: (tenant_id: string, id: string) =>
    db
      .selectFrom('connection')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst(),

  lockByName: (tenant_id: string, name: string) =>
    db
      .selectFrom('connection')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .where('name', '=', name)
      .forUpdate()
      .executeTakeFirst(),

  insert: (row: Row & Pick<Connection, 'id' | 'tenant_id'>): Promise<Connection> =>
    db.insertInto('connection').values(row).returningAll().executeTakeFirstOrThrow(),

  /** Takes over new settings if the row still has the revision they were made from; else undefined. */
  replace: ({ id, tenant_id, revision }: Connection, row: Row): Promise<Connection | undefined> =>
    db
      .updateTable('connection')
      .set({ ...row, revision: revision + 1, updated_at: sql`now()` })
      .where('tenant_id', '=', tenant_id)
      .where('id', '=', id)
      .where('revision', '=', revision)
      .returningAll()
      .executeTakeFirst(),

  /** Writes down what discovery told first; nothing is decided with it, so it is no new revision. */
  noteTokenEndpoint: async ({ id }: Connection, token_endpoint: string): Promise<void> => {
    await db.updateTable('connection').set({ token_endpoint }).where('id', '=', id).execute()
  },

  /** Ends every grant of a connection; answers with their ids. What is under way finds another generation. */
  endGrants: async (connection_id: string): Promise<string[]> => {
    const ended = await db
      .updateTable('grant')
      .set({
        ...{ refresh_token: null, dead_reason: 'connection_changed' },
        ...{ generation: sql`generation + 1`, epoch: sql`epoch + 1`, updated_at: sql`now()` },
        ...{ attempt: 0, lease_owner: null, lease_until: null, sent_at: null, backoff_until: null }
      })
      .where('connection_id', '=', connection_id)
      .where('dead_reason', 'is', null)
      .returning('id')
      .execute()
    await db
      .deleteFrom('minted_token')
      .using('grant')
      .whereRef('grant.id', '=', 'minted_token.grant_id')
      .where('grant.connection_id', '=', connection_id)
      .execute()
    return ended.map(({ id }) => id)
  }
})
