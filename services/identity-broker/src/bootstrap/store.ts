import { newId } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { type Kysely, sql, type Transaction } from 'kysely'
import { secretPlace } from '../connections/store.ts'
import type { Connection, Database, Tenant } from '../database.ts'

type NewConnection = Pick<
  Connection,
  'name' | 'issuer' | 'client_id' | 'client_authentication' | 'scopes' | 'resource_support'
>

/** One transaction: a bootstrap file is applied whole or not at all. */
export const inTransaction = <Result>(
  db: Kysely<Database>,
  work: (transaction: Transaction<Database>) => Promise<Result>
): Promise<Result> => db.transaction().execute(work)

export const bootstrapStore = (db: Kysely<Database>, vault: Vault) => ({
  upsertTenant: (slug: string, name: string): Promise<Tenant> =>
    db
      .insertInto('tenant')
      .values({ id: newId(), slug, name })
      .onConflict((conflict) => conflict.column('slug').doUpdateSet({ name }))
      .returningAll()
      .executeTakeFirstOrThrow(),

  /** Makes or changes a connection. One that now leads elsewhere loses its grants: nothing stored is sent there. */
  upsertConnection: async (tenant_id: string, given: NewConnection, secret: string | undefined) => {
    const held = await db
      .selectFrom('connection')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .where('name', '=', given.name)
      .forUpdate()
      .executeTakeFirst()
    const id = held?.id ?? newId()
    const client_secret = secret ? await vault.seal(secret, secretPlace({ tenant_id, id })) : null
    const connection = await db
      .insertInto('connection')
      .values({ id, tenant_id, ...given, client_secret })
      .onConflict((conflict) =>
        conflict
          .column('id')
          .doUpdateSet({ ...given, client_secret, revision: sql`connection.revision + 1`, updated_at: sql`now()` })
      )
      .returningAll()
      .executeTakeFirstOrThrow()
    if (held && (held.issuer !== given.issuer || held.client_id !== given.client_id)) await endGrants(db, id)
    return connection
  }
})

const endGrants = (db: Kysely<Database>, connection_id: string) =>
  db
    .updateTable('grant')
    .set({
      refresh_token: null,
      dead_reason: 'connection_changed',
      generation: sql`generation + 1`,
      epoch: sql`epoch + 1`
    })
    .where('connection_id', '=', connection_id)
    .where('dead_reason', 'is', null)
    .execute()
