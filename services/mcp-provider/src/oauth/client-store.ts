import { matches } from '@onbehalf/rpc'
import { newId } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import type { Kysely } from 'kysely'
import type { Database } from '../database.ts'
import { OauthClient } from './client.ts'

/** Where a client is registered, and for which redirect URI. */
type Key = { tenant_id: string; issuer: string; redirect_uri: string }
type Known = Pick<Key, 'tenant_id' | 'issuer'> & { client_id: string }
type Sealed = { id: string; tenant_id: string; issuer: string; registration: Buffer }

export type ClientStore = ReturnType<typeof clientStore>

const placeOf = ({ id, tenant_id, issuer }: Omit<Sealed, 'registration'>) => ({
  ...{ tenant_id, table: 'oauth_client', column: 'registration', row: id, issuer }
})

/** The clients that were registered for a tenant at an authorization server, and are shown to no other. */
export const clientStore = (db: Kysely<Database>, vault: Pick<Vault, 'seal' | 'open'>) => {
  const rowsAt = ({ tenant_id, issuer }: Pick<Key, 'tenant_id' | 'issuer'>) =>
    db.selectFrom('oauth_client').selectAll().where('tenant_id', '=', tenant_id).where('issuer', '=', issuer)
  const open = async (row: Sealed): Promise<OauthClient> => {
    const client: unknown = JSON.parse(await vault.open(row.registration, placeOf(row)))
    if (matches(OauthClient, client)) return client
    throw new Error('a sealed registration has another shape than the one it was stored with')
  }
  const find = async (key: Key): Promise<OauthClient | undefined> => {
    const row = await rowsAt(key).where('redirect_uri', '=', key.redirect_uri).executeTakeFirst()
    return row && open(row)
  }
  const openKnown = async ({ client_id, ...at }: Known) => {
    const rows = await rowsAt(at).execute()
    const opened = await Promise.all(rows.map(async (row) => ({ id: row.id, client: await open(row) })))
    return opened.find(({ client }) => client.client_id === client_id)
  }
  return {
    /** The one for new authorizations. */
    find,

    /** One that something was given to, be it for another redirect URI than we have now. */
    findKnown: async (known: Known): Promise<OauthClient | undefined> => (await openKnown(known))?.client,

    /** Keeps a registration; of two at once the first stays, and is the answer to both. */
    keep: async (key: Key, client: OauthClient): Promise<OauthClient> => {
      const id = newId()
      const registration = await vault.seal(JSON.stringify(client), placeOf({ id, ...key }))
      await db
        .insertInto('oauth_client')
        .values({ id, ...key, registration })
        .onConflict((conflict) => conflict.constraint('oauth_client_once').doNothing())
        .execute()
      return (await find(key)) ?? client
    },

    /** The authorization server does not know it any more. */
    forget: async (known: Known): Promise<void> => {
      const found = await openKnown(known)
      if (found) await db.deleteFrom('oauth_client').where('id', '=', found.id).execute()
    }
  }
}
