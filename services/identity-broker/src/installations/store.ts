import { newId } from '@onbehalf/service-kit'
import type { Kysely } from 'kysely'
import type { Database, Installation } from '../database.ts'

export type InstallationStore = ReturnType<typeof installationStore>

/** Platforms that ask for tokens at the inner listener: each with a secret, its tenants, and what it may ask for. */
export const installationStore = (db: Kysely<Database>) => ({
  list: (): Promise<Installation[]> => db.selectFrom('installation').selectAll().execute(),
  upsert: (installation: Omit<Installation, 'id' | 'created_at'>) =>
    db
      .insertInto('installation')
      .values({ id: newId(), ...installation })
      .onConflict((conflict) => conflict.column('name').doUpdateSet(installation))
      .execute()
})
