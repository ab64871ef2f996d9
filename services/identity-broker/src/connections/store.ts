import type { Role } from '@onbehalf/contracts'
import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { type Insertable, type Kysely, sql } from 'kysely'
import { countAlone } from '../count-store.ts'
import type { Connection, Database, Writing } from '../database.ts'
import { appsLetBy } from '../members/let-by-store.ts'
import type { Quirk } from './vocabulary.ts'

export type ConnectionStore = ReturnType<typeof connectionStore>
export type ConnectionWrites = ReturnType<typeof connectionWrites>

export const secretPlace = ({ tenant_id, id }: Pick<Connection, 'tenant_id' | 'id'>) => ({
  tenant_id,
  table: 'connection',
  column: 'client_secret',
  row: id
})

/** What our own keys at a connection are kept under. */
export const keyPurpose = (connectionId: string) => `connection ${connectionId}`

export const connectionStore = (db: Kysely<Database>, vault: Vault) => {
  const secretOf = async (connection: Connection): Promise<string | undefined> =>
    connection.client_secret ? vault.open(connection.client_secret, secretPlace(connection)) : undefined
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

    findByName: (tenant_id: string, name: string) =>
      db
        .selectFrom('connection')
        .selectAll()
        .where('tenant_id', '=', tenant_id)
        .where('name', '=', name)
        .executeTakeFirst(),

    findOldest: (tenant_id: string) =>
      db
        .selectFrom('connection')
        .selectAll()
        .where('tenant_id', '=', tenant_id)
        .orderBy('created_at')
        .limit(1)
        .executeTakeFirst(),

    /** In the order they were made, those after `cursor`. */
    page: (tenant_id: string, { cursor, limit }: { cursor?: string; limit: number }) =>
      db
        .selectFrom('connection')
        .selectAll()
        .where('tenant_id', '=', tenant_id)
        .$if(cursor !== undefined, (query) => query.where('id', '>', cursor ?? ''))
        .orderBy('id')
        .limit(limit)
        .execute(),

    secretOf
  }
}

type Row = Omit<Insertable<Connection>, 'id' | 'tenant_id' | 'revision' | 'created_at' | 'updated_at'>

/** Whether the connection is still at this revision; it then stays there until the transaction ends. */
export const holdConnection = async (
  db: Writing,
  { id, revision }: Pick<Connection, 'id' | 'revision'>
): Promise<boolean> => {
  const row = await db.selectFrom('connection').select('revision').where('id', '=', id).forShare().executeTakeFirst()
  return row?.revision === revision
}

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

  /** How many the tenant has; nobody else counts them until the transaction ends. */
  countAlone: (tenant_id: string): Promise<number> => countAlone(db, 'connection', tenant_id),

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
  },

  /** Drops what was suspected of its IdP, or these quirks of it. */
  dropSuspicions: async (connection_id: string, quirks?: readonly Quirk[]): Promise<void> => {
    await db
      .deleteFrom('suspected_quirk')
      .where('connection_id', '=', connection_id)
      .$if(quirks !== undefined, (query) => query.where(sql<boolean>`quirk = any(${quirks})`))
      .execute()
  },

  /** The roles of those who sign in by a connection. */
  rolesOf: async (connection_id: string): Promise<Role[]> => {
    const rows = await db
      .selectFrom('member')
      .innerJoin('user', 'user.id', 'member.user_id')
      .select('member.role')
      .distinct()
      .where('user.connection_id', '=', connection_id)
      .execute()
    return rows.map(({ role }) => role)
  },

  /** Whether an owner of the tenant signs in by another connection; those owners stay owners until the end. */
  hasOwnerElsewhere: async (tenant_id: string, connection_id: string): Promise<boolean> => {
    const owners = await db
      .selectFrom('member')
      .innerJoin('user', 'user.id', 'member.user_id')
      .select('user.connection_id')
      .where('member.tenant_id', '=', tenant_id)
      .where('member.role', '=', 'owner')
      .orderBy('member.user_id')
      .forUpdate('member')
      .execute()
    return owners.some((owner) => owner.connection_id !== connection_id)
  },

  /** Deletes a connection with its users and its own keys; answers with the ids of all that went with it. */
  remove: async (connection_id: string) => {
    const users = await idsOf(db.selectFrom('user').select('id').where('connection_id', '=', connection_id))
    const sessions = await idsOf(
      db
        .selectFrom('session')
        .innerJoin('user', 'user.id', 'session.user_id')
        .select('session.id')
        .where('user.connection_id', '=', connection_id)
        .where('session.ended_at', 'is', null)
        .where('session.expires_at', '>', sql<Date>`now()`)
    )
    const grants = await idsOf(
      db.selectFrom('grant').select('id').where('connection_id', '=', connection_id).where('dead_reason', 'is', null)
    )
    await db.deleteFrom('signing_key').where('purpose', '=', keyPurpose(connection_id)).execute()
    await db.deleteFrom('connection').where('id', '=', connection_id).execute()
    return { users, sessions, grants }
  },

  appsLetBy: appsLetBy(db),

  record: (event: AuditEvent) => recordAudit(db, event)
})

const idsOf = async (query: { execute: () => Promise<{ id: string }[]> }): Promise<string[]> =>
  (await query.execute()).map(({ id }) => id)

/** Whether this is Postgres' refusal of a name that another connection of the tenant has. */
export const isNameTaken = (error: unknown): boolean =>
  error instanceof Error && 'constraint' in error && error.constraint === 'connection_name_taken'
