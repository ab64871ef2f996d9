import type { Kysely } from 'kysely'
import type { Database } from '../database.ts'

export type SecretStore = ReturnType<typeof secretStore>

/** Secrets of the installation, sealed by the vault. */
export const secretStore = (db: Kysely<Database>) => ({
  find: async (name: string): Promise<Buffer | undefined> => {
    const row = await db.selectFrom('instance_secret').select('sealed').where('name', '=', name).executeTakeFirst()
    return row?.sealed
  },
  /** Keeps the one that is there already. */
  insert: async (name: string, sealed: Buffer): Promise<void> => {
    await db
      .insertInto('instance_secret')
      .values({ name, sealed })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
})
