import { randomBytes, randomUUID } from 'node:crypto'
import { defineTicket, signTicket, verifyTicket } from '@onbehalf/rpc'
import { recordSecrets, startBackends } from '@onbehalf/testkit'
import { parseKeyRing } from '@onbehalf/vault'
import { Type } from '@sinclair/typebox'
import { importJWK } from 'jose'
import t from 'tap'
import { type KeyTables, newId, openPostgres, openSigningKeys, openVault } from '../src/index.ts'

const backends = await startBackends(t)
const { DATABASE_URL: url = '' } = backends.environmentFor('mcp-provider')
const openDatabase = async () => {
  const { db, close } = await openPostgres<KeyTables>(url)
  t.teardown(close)
  return db
}
const [db, replica] = await Promise.all([openDatabase(), openDatabase()])
const masterKey = () => {
  const key = randomBytes(32).toString('base64')
  recordSecrets([key])
  return key
}
const [first, second] = [masterKey(), masterKey()]
const ring = (text: string) => parseKeyRing(text)
const vault = openVault(db, ring(`k1:${first}`))
const place = (tenant_id: string, row = 'r') => ({ tenant_id, table: 'provider', column: 'headers', row })

t.test('replicas that start at once agree on one signing key', async (t) => {
  const purpose = `ticket-${randomUUID()}`
  const opened = await Promise.all(
    [db, replica, db, replica].map((one) => openSigningKeys(one, openVault(one, ring(`k1:${first}`)), purpose))
  )
  const [kid] = opened.map(({ signingKey }) => signingKey.kid)
  t.same(new Set(opened.map(({ signingKey }) => signingKey.kid)), new Set([kid]))
  const again = await openSigningKeys(db, vault, purpose)
  t.equal(again.signingKey.kid, kid)
  const keys = await again.publicKeys()
  t.match(keys, [{ kid, kty: 'EC', crv: 'P-256' }])
  t.same(Object.keys(keys[0] ?? {}).sort(), ['crv', 'kid', 'kty', 'x', 'y'], 'nothing private is shown')
})

t.test('what the key signs is verified with the key it shows; each purpose has its own', async (t) => {
  const tickets = await openSigningKeys(db, vault, 'ticket')
  const sessions = await openSigningKeys(db, vault, 'session')
  t.not(tickets.signingKey.kid, sessions.signingKey.kid)
  const contract = defineTicket({ type: 'x+jwt', issuers: ['mcp-provider'], claims: Type.Object({ a: Type.String() }) })
  const { ticket } = await signTicket(contract, { a: 'b' }, { issuer: 'mcp-provider', key: tickets.signingKey })
  const findKey = async (_issuer: string, kid: string) => {
    const jwk = (await tickets.publicKeys()).find((key) => key.kid === kid)
    const key = jwk && (await importJWK({ ...jwk }, 'ES256'))
    return key instanceof Uint8Array ? undefined : key
  }
  t.same(await verifyTicket(contract, ticket, { findKey }), { a: 'b' })
})

t.test('the newest key signs, and the older ones are still shown', async (t) => {
  const purpose = `rotated-${randomUUID()}`
  const old = await openSigningKeys(db, vault, purpose)
  const other = await openSigningKeys(db, vault, `${purpose}-next`)
  const later = new Date(Date.now() + 60_000)
  const { kid } = other.signingKey
  await db.updateTable('signing_key').set({ purpose, created_at: later }).where('id', '=', kid).execute()
  const now = await openSigningKeys(db, vault, purpose)
  t.equal(now.signingKey.kid, kid)
  t.same(new Set((await now.publicKeys()).map((key) => key.kid)), new Set([kid, old.signingKey.kid]))
})

t.test('a private key rests encrypted', async (t) => {
  const { private_jwk } = await db.selectFrom('signing_key').select('private_jwk').limit(1).executeTakeFirstOrThrow()
  t.notMatch(private_jwk.toString('latin1'), /"d"|kty/)
  const stranger = openVault(db, ring(`k1:${second}`))
  const { purpose } = await db.selectFrom('signing_key').select('purpose').limit(1).executeTakeFirstOrThrow()
  await t.rejects(openSigningKeys(db, stranger, purpose))
})

t.test('replicas that seal for a new tenant at once use one data key', async (t) => {
  const tenant = newId()
  const vaults = [vault, openVault(replica, ring(`k1:${first}`))]
  const sealed = await Promise.all(vaults.map((one) => one.seal('hello', place(tenant))))
  const rows = await db.selectFrom('data_key').selectAll().where('tenant_id', '=', tenant).execute()
  t.match(rows, [{ id: 1, master_key_id: 'k1' }])
  const fresh = openVault(db, ring(`k1:${first}`))
  for (const one of sealed) t.equal(await fresh.open(one, place(tenant)), 'hello')
  await t.rejects(fresh.open(sealed[0] ?? Buffer.alloc(0), place(newId())), 'a value opens for its own tenant only')
})

t.test('a new master key wraps every data key anew, and the old one can go', async (t) => {
  const tenant = newId()
  const sealed = await vault.seal('kept', place(tenant))
  const rotating = openVault(db, ring(`k2:${second},k1:${first}`))
  t.ok((await rotating.rewrap()) > 0)
  t.equal(await rotating.rewrap(), 0)
  const left = await db.selectFrom('data_key').select('tenant_id').where('master_key_id', '<>', 'k2').execute()
  t.same(left, [])
  t.equal(await openVault(replica, ring(`k2:${second}`)).open(sealed, place(tenant)), 'kept')
})

t.test('ids grow with time', async (t) => {
  const ids = Array.from({ length: 1000 }, newId)
  t.same([...ids].sort(), ids)
  t.match(ids[0], /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
