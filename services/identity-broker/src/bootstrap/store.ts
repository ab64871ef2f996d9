import { newId } from '@onbehalf/service-kit'
import type { Kysely, Transaction } from 'kysely'
import type { Database, Tenant } from '../database.ts'

/** One transaction: a bootstrap file is applied whole or not at all. */
export const inTransaction = <Result>(
  db: Kysely<Database>,
  work: (transaction: Transaction<Database>) => Promise<Result>
): Promise<Result> => db.transaction().execute(work)

export const bootstrapStore = (db: Kysely<Database>) => ({
  upsertTenant: (slug: string, name: string): Promise<Tenant> =>
    db
      .insertInto('tenant')
      .values({ id: newId(), slug, name })
      .onConflict((conflict) => conflict.column('slug').doUpdateSet({ name }))
      .returningAll()
      .executeTakeFirstOrThrow()
})
