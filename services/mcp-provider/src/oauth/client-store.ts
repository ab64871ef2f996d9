import { matches } from '@onbehalf/rpc'
import { newId } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '../database.ts'
import { OauthClient, type Registration } from './client.ts'

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
    const row = await rowsAt(key)
      .where('redirect_uri', '=', key.redirect_uri)
      .where('is_current', '=', true)
      .where(sql<boolean>`coalesce(renew_at > now(), true)`)
      .executeTakeFirst()
    return row && open(row)
  }
  const openKnown = async ({ client_id, ...at }: Known) => {
    const rows = await rowsAt(at).where(sql<boolean>`coalesce(secret_expires_at > now(), true)`).execute()
    const opened = await Promise.all(rows.map(async (row) => ({ id: row.id, client: await open(row) })))
    return opened.find(({ client }) => client.client_id === client_id)
  }
  return {
    /** The one for new authorizations; undefined where there is none, or it is time for another one. */
    find,

    /** One that something was given to, be it for another redirect URI than we have now; not one whose secret has ended. */
    findKnown: async (known: Known): Promise<OauthClient | undefined> => (await openKnown(known))?.client,

    /** Keeps a registration in the place of one whose time is over; of two at once the first stays, and answers both. */
    keep: async (key: Key, { client, secretExpiresAt }: Registration, now: number): Promise<OauthClient> => {
      const id = newId()
      const registration = await vault.seal(JSON.stringify(client), placeOf({ id, ...key }))
      await db.transaction().execute(async (transaction) => {
        await makeRoom(transaction, key)
        const life = lifeOf(secretExpiresAt, now)
        const row = { id, ...key, registration, ...life }
        await transaction
          .insertInto('oauth_client')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .execute()
      })
      return (await find(key)) ?? client
    },

    /** The authorization server does not know it any more: the next authorization registers another one. */
    retire: async ({ tenant_id, issuer, client_id }: Known): Promise<void> => {
      const found = await openKnown({ tenant_id, issuer, client_id })
      if (found) await db.updateTable('oauth_client').set({ is_current: false }).where('id', '=', found.id).execute()
    }
  }
}

/** What a client whose time is over was given goes on with it; one whose secret has ended is of use to nobody. */
const makeRoom = async (transaction: Transaction<Database>, { tenant_id, issuer, redirect_uri }: Key) => {
  await transaction
    .updateTable('oauth_client')
    .set({ is_current: false })
    .where('tenant_id', '=', tenant_id)
    .where('issuer', '=', issuer)
    .where('redirect_uri', '=', redirect_uri)
    .where('renew_at', '<=', sql<Date>`now()`)
    .execute()
  await transaction
    .deleteFrom('oauth_client')
    .where('tenant_id', '=', tenant_id)
    .where('issuer', '=', issuer)
    .where('secret_expires_at', '<=', sql<Date>`now()`)
    .execute()
}

const renewAheadMs = 86_400_000

/** Another one is registered a day before the secret ends, or with a third of a short life left. */
const lifeOf = (end: number | null, now: number) => ({
  secret_expires_at: end === null ? null : new Date(end),
  renew_at: end === null ? null : new Date(end - Math.min(renewAheadMs, (end - now) / 3))
})
