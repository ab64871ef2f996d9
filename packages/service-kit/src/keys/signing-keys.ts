import { importSigningKey, type PublicKey, type SigningKey } from '@onbehalf/rpc'
import type { Vault } from '@onbehalf/vault'
import { exportJWK, generateKeyPair } from 'jose'
import { type Kysely, sql } from 'kysely'
import { newId } from '../ids.ts'
import type { KeyTables } from './tables.ts'

/** The keys a service signs one kind of thing with: the newest signs, all are shown to those who verify. */
export type SigningKeys = { signingKey: SigningKey; publicKeys: () => Promise<PublicKey[]> }

/** Opens the stored keys of `purpose`; makes the first where there is none, and replicas that start at once agree on it. */
export const openSigningKeys = async (db: Kysely<KeyTables>, vault: Vault, purpose: string): Promise<SigningKeys> => {
  const newest = (await newestOf(db, purpose)) ?? (await makeFirst(db, vault, purpose))
  const signingKey = await importSigningKey(JSON.parse(await vault.open(newest.private_jwk, placeOf(newest.id))))
  return {
    signingKey,
    publicKeys: async () => {
      const rows = await db.selectFrom('signing_key').select('public_jwk').where('purpose', '=', purpose).execute()
      return rows.map(({ public_jwk }) => public_jwk)
    }
  }
}

const placeOf = (kid: string) => ({ tenant_id: 'instance', table: 'signing_key', column: 'private_jwk', row: kid })

const newestOf = (db: Kysely<KeyTables>, purpose: string) =>
  db
    .selectFrom('signing_key')
    .select(['id', 'private_jwk'])
    .where('purpose', '=', purpose)
    .orderBy('created_at', 'desc')
    .executeTakeFirst()

const makeFirst = (db: Kysely<KeyTables>, vault: Vault, purpose: string) =>
  db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtext(${`signing_key ${purpose}`}))`.execute(transaction)
    return (await newestOf(transaction, purpose)) ?? (await insertFirst(transaction, vault, purpose))
  })

const insertFirst = async (db: Kysely<KeyTables>, vault: Vault, purpose: string) => {
  const id = newId()
  const { publicJwk, privateJwk } = await makeKeyPair(id)
  const private_jwk = await vault.seal(privateJwk, placeOf(id))
  await db
    .insertInto('signing_key')
    .values({ id, purpose, public_jwk: JSON.stringify(publicJwk), private_jwk })
    .execute()
  return { id, private_jwk }
}

const makeKeyPair = async (kid: string): Promise<{ publicJwk: PublicKey; privateJwk: string }> => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const { x, y } = await exportJWK(publicKey)
  if (!x || !y) throw new Error('an EC key has x and y')
  return {
    publicJwk: { kid, kty: 'EC', crv: 'P-256', x, y },
    privateJwk: JSON.stringify({ ...(await exportJWK(privateKey)), kid })
  }
}
