import type { Vault } from '@onbehalf/vault'
import type { Kysely } from 'kysely'
import type { InstanceSecretTable } from './tables.ts'

/** A secret that all replicas of a service share, sealed by its vault: made by the first one, read by the others. */
export const openInstanceSecret = async (
  db: Kysely<InstanceSecretTable>,
  vault: Pick<Vault, 'seal' | 'open'>,
  { name, make }: { name: string; make: () => string }
): Promise<string> => {
  const secrets = instanceSecretStore(db)
  const place = { tenant_id: 'instance', table: 'instance_secret', column: 'sealed', row: name }
  const stored = await secrets.find(name)
  if (stored) return vault.open(stored, place)
  await secrets.insert(name, await vault.seal(make(), place))
  const agreed = await secrets.find(name)
  if (agreed) return vault.open(agreed, place)
  throw new Error(`the secret ${name} was stored and is not there`)
}

const instanceSecretStore = (db: Kysely<InstanceSecretTable>) => ({
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
