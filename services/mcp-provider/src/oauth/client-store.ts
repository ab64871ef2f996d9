import { matches } from '@onbehalf/rpc'
import { newId } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import type { Kysely } from 'kysely'
import type { Database } from '../database.ts'
import { OauthClient } from './client.ts'

type Key = { tenant_id: string; issuer: string }

export type ClientStore = ReturnType<typeof clientStore>

const placeOf = ({ tenant_id, issuer }: Key, row: string) => ({
  ...{ tenant_id, table: 'oauth_client', column: 'registration', row, issuer }
})

/** The clients that were registered for a tenant at an authorization server: one there, and shown to no other. */
export const clientStore = (db: Kysely<Database>, vault: Pick<Vault, 'seal' | 'open'>) => {
  const find = async (key: Key): Promise<OauthClient | undefined> => {
    const row = await db
      .selectFrom('oauth_client')
      .select(['id', 'registration'])
      .where('tenant_id', '=', key.tenant_id)
      .where('issuer', '=', key.issuer)
      .executeTakeFirst()
    if (!row) return undefined
    const client: unknown = JSON.parse(await vault.open(row.registration, placeOf(key, row.id)))
    if (matches(OauthClient, client)) return client
    throw new Error('a sealed registration has another shape than the one it was stored with')
  }
  return {
    find,

    /** Keeps a registration; of two at once the first stays, and is the answer to both. */
    keep: async (key: Key, client: OauthClient): Promise<OauthClient> => {
      const id = newId()
      const registration = await vault.seal(JSON.stringify(client), placeOf(key, id))
      await db
        .insertInto('oauth_client')
        .values({ id, ...key, registration })
        .onConflict((conflict) => conflict.constraint('oauth_client_once').doNothing())
        .execute()
      return (await find(key)) ?? client
    },

    /** The authorization server does not know it any more. */
    forget: async ({ tenant_id, issuer }: Key): Promise<void> => {
      await db.deleteFrom('oauth_client').where('tenant_id', '=', tenant_id).where('issuer', '=', issuer).execute()
    }
  }
}
