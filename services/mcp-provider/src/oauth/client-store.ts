import { matches } from '@onbehalf/rpc'
import { newId } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '../database.ts'
import { OauthClient, type Registration } from './client.ts'

/** Where a client is registered, and for which redirect URI. */
type Key = { tenant_id: string; issuer: string; redirect_uri: string }
export type Known = Pick<Key, 'tenant_id' | 'issuer'> & { client_id: string }
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
  /** Newest first: a server may give one client_id again and again, with another secret each time. */
  const openKnown = async ({ client_id, ...at }: Known) => {
    const rows = await rowsAt(at)
      .where(sql<boolean>`coalesce(secret_expires_at > now(), true)`)
      .orderBy('is_current', 'desc')
      .orderBy('id', 'desc')
      .execute()
    const opened = await Promise.all(rows.map(async (row) => ({ id: row.id, client: await open(row) })))
    return opened.filter(({ client }) => client.client_id === client_id)
  }
  return {
    /** The one for new authorizations; undefined where there is none, or it is time for another one. */
    find,

    /** One that something was given to, be it for another redirect URI than we have now; not one whose secret has ended. */
    findKnown: async (known: Known): Promise<OauthClient | undefined> => (await openKnown(known))[0]?.client,

    /**
     * Keeps a registration in the place of one whose time is over, and of what had its client_id; of two at once the first
     * stays, and answers both.
     */
    keep: async (key: Key, { client, secretExpiresAt }: Registration, now: number): Promise<OauthClient> => {
      const id = newId()
      const registration = await vault.seal(JSON.stringify(client), placeOf({ id, ...key }))
      const earlier = await openKnown({ ...key, client_id: client.client_id })
      await db.transaction().execute(async (transaction) => {
        await makeRoom(transaction, key)
        const row = { id, ...key, registration, ...lifeOf(secretExpiresAt, now) }
        const { numInsertedOrUpdatedRows: inserted } = await transaction
          .insertInto('oauth_client')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirstOrThrow()
        if (inserted === 1n)
          await dropRows(transaction, [...earlier.map((one) => one.id), ...(await surplus(transaction, key))])
      })
      return (await find(key)) ?? client
    },

    /**
     * The authorization server does not know it any more: the next authorization registers another one. It stays where
     * something was given to it, which the server may know yet.
     */
    retire: async ({ tenant_id, issuer, client_id }: Known): Promise<void> => {
      const [found] = await openKnown({ tenant_id, issuer, client_id })
      if (!found) return
      await db.updateTable('oauth_client').set({ is_current: false }).where('id', '=', found.id).execute()
      if (!(await holdsAny(db, { tenant_id, issuer, client_id }))) await dropRows(db, [found.id])
    }
  }
}

const dropRows = async (db: Kysely<Database>, ids: readonly string[]): Promise<void> => {
  if (ids.length > 0) await db.deleteFrom('oauth_client').where('id', 'in', ids).execute()
}

const holdsAny = async (db: Kysely<Database>, { tenant_id, issuer, client_id }: Known): Promise<boolean> => {
  const held = await db
    .selectFrom('oauth_credential')
    .select('id')
    .where('tenant_id', '=', tenant_id)
    .where('issuer', '=', issuer)
    .where('client_id', '=', client_id)
    .where('dead_reason', 'is', null)
    .executeTakeFirst()
  return held !== undefined
}

const earlierMax = 4

/** A server that knows no client of ours for long does not fill the table. */
const surplus = async (transaction: Transaction<Database>, { tenant_id, issuer, redirect_uri }: Key) => {
  const rows = await transaction
    .selectFrom('oauth_client')
    .select('id')
    .where('tenant_id', '=', tenant_id)
    .where('issuer', '=', issuer)
    .where('redirect_uri', '=', redirect_uri)
    .where('is_current', '=', false)
    .orderBy('id', 'desc')
    .offset(earlierMax)
    .execute()
  return rows.map(({ id }) => id)
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
