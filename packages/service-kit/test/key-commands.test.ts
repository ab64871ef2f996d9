import { randomBytes } from 'node:crypto'
import { recordSecrets, type ServiceName, startBackends } from '@onbehalf/testkit'
import { parseKeyRing } from '@onbehalf/vault'
import t from 'tap'
import {
  type KeyTables,
  keyCommands,
  newId,
  openPostgres,
  openSigningKeys,
  openSigningKeysOf,
  openVault
} from '../src/index.ts'
import { runMain } from './main.ts'

const backends = await startBackends(t)
const [first, second] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
recordSecrets([first, second])

const environmentOf = (service: ServiceName, masterKeys: string) => ({
  ...backends.environmentFor(service),
  PUBLIC_URL: 'http://127.0.0.1:4000',
  MASTER_KEYS: masterKeys,
  PORT: '0'
})
const openDatabase = async (service: ServiceName) => {
  const { db, close } = await openPostgres<KeyTables>(backends.environmentFor(service).DATABASE_URL ?? '')
  t.teardown(close)
  return db
}
const databases = {
  'identity-broker': await openDatabase('identity-broker'),
  'mcp-provider': await openDatabase('mcp-provider'),
  'device-auth': await openDatabase('device-auth')
}
const db = databases['identity-broker']
const stored = async (service: keyof typeof databases) => [
  await databases[service].selectFrom('data_key').selectAll().orderBy('tenant_id').orderBy('id').execute(),
  await databases[service].selectFrom('signing_key').selectAll().orderBy('id').execute()
]
const openKeys = async (service: keyof typeof databases, purpose: string) => {
  const vault = await openVault(databases[service], parseKeyRing(`k1:${first}`))
  const keys = await openSigningKeys(databases[service], vault, { purpose, rotateDays: 30 })
  keys.close()
  return keys
}

/** The commands of identity-broker, without a process of their own. */
const { 'rotate-keys': rotate, 'rewrap-keys': rewrap } = keyCommands(['ticket', 'session', 'issuer'])
const { DATABASE_URL = '' } = backends.environmentFor('identity-broker')
const configWith = (masterKeys: string) => ({ DATABASE_URL, MASTER_KEYS: parseKeyRing(masterKeys) })

t.test('rotate-keys shows the next key to those who serve, and twice is once', async (t) => {
  const asIs = configWith(`k1:${first}`)
  t.equal(
    await rotate(asIs, { args: [] }),
    'ticket: there are no keys yet\nsession: there are no keys yet\nissuer: there are no keys yet'
  )
  const serving = await openKeys('identity-broker', 'ticket')
  const { kid } = serving.signingKey()
  const words = await rotate(asIs, { args: ['ticket'] })
  t.match(words, /^ticket: keys shown from now on: 1, already shown: 0; they sign from 20[0-9TZ:.-]+$/)
  t.match(await rotate(asIs, { args: [] }), /^ticket: keys shown from now on: 0, already shown: 1;/)
  await serving.refresh()
  t.equal(serving.signingKey().kid, kid)
  t.equal(serving.publicKeys().length, 2)
  t.equal(
    await rotate(asIs, { args: ['ticket', 'leaked'] }),
    'ticket: keys replaced: 1; what the old ones signed is refused within 5 minutes'
  )
  await serving.refresh()
  t.notOk(serving.publicKeys().some((key) => key.kid === kid))
})

t.test('rotate-keys takes every tenant along', async (t) => {
  const vault = await openVault(db, parseKeyRing(`k1:${first}`))
  const keysOf = openSigningKeysOf(db, vault, { rotateDays: 30 })
  for (const tenant_id of [newId(), newId(), newId()]) await keysOf({ purpose: 'issuer', tenant_id })
  t.match(await rotate(configWith(`k1:${first}`), { args: ['issuer'] }), 'issuer: keys shown from now on: 3,')
})

t.test('rotate-keys connection takes the keys of every connection along, and no others', async (t) => {
  const vault = await openVault(db, parseKeyRing(`k1:${first}`))
  const keysOf = openSigningKeysOf(db, vault, { rotateDays: 30 })
  const tenant_id = newId()
  for (const name of ['one', 'other']) await keysOf({ purpose: `connection ${name}`, tenant_id })
  const kids = async () =>
    (await db.selectFrom('signing_key').select('id').where('tenant_id', '=', tenant_id).execute()).map(({ id }) => id)
  const before = await kids()
  const environment = environmentOf('identity-broker', `k1:${first}`)
  const { code, stdout } = await runMain('identity-broker', ['rotate-keys', 'connection'], environment)
  t.match([code, stdout], [0, /^connection: keys shown from now on: 2, already shown: 0;/])
  t.equal((await kids()).length, 4)
  const { 'rotate-keys': rotateOwn } = keyCommands(['ticket', 'connection'])
  const words = await rotateOwn(configWith(`k1:${first}`), { args: ['connection', 'leaked'] })
  t.match(words, /^connection: keys replaced: 2;/)
  t.notOk((await kids()).some((id) => before.includes(id)))
})

t.test('rewrap-keys changes the master key under those who serve, and the old one can go', async (t) => {
  const both = configWith(`k2:${second},k1:${first}`)
  const serving = await openVault(db, both.MASTER_KEYS)
  const place = { tenant_id: 'some tenant', table: 'x', column: 'y', row: 'z' }
  const sealed = await (await openVault(db, parseKeyRing(`k1:${first}`))).seal('kept', place)
  const words = await rewrap(both, { args: [] })
  t.match(words, /^data keys wrapped anew: [1-9]\d*; all are wrapped with "k2" now/)
  t.match(await rewrap(both, { args: [] }), /^data keys wrapped anew: 0;/)
  t.equal(await serving.open(sealed, place), 'kept', 'who serves with both goes on')
  t.equal(await (await openVault(db, parseKeyRing(`k2:${second}`))).open(sealed, place), 'kept')
})

t.test('a rewrap that broke off is taken up again', async (t) => {
  const [old, both] = [parseKeyRing(`k2:${second}`), parseKeyRing(`k3:${first},k2:${second}`)]
  const vault = await openVault(db, old)
  const tenants = Array.from({ length: 5 }, newId)
  for (const tenant_id of tenants) await vault.seal('x', { tenant_id, table: 'x', column: 'y', row: 'z' })
  const of = (tenant_id = '') => db.selectFrom('data_key').select('wrapped').where('tenant_id', '=', tenant_id)
  const write = (wrapped: Buffer) =>
    db
      .updateTable('data_key')
      .set({ wrapped })
      .where('tenant_id', '=', tenants[2] ?? '')
      .execute()
  const { wrapped } = await of(tenants[2]).executeTakeFirstOrThrow()
  const rewrapping = await openVault(db, both)
  await write(Buffer.alloc(wrapped.length, 1))
  await t.rejects(rewrapping.rewrap())
  await write(wrapped)
  t.ok((await rewrapping.rewrap()) > 0)
  const left = await db.selectFrom('data_key').select('tenant_id').where('master_key_id', '<>', 'k3').execute()
  t.same(left, [])
})

t.test('words that rotate-keys does not know are refused', async (t) => {
  for (const args of [['tickets'], ['leaked'], ['ticket', 'now'], ['ticket', 'leaked', 'x']])
    await t.rejects(async () => rotate(configWith(`k3:${first}`), { args }), {
      message: /^use rotate-keys, or rotate-keys with one of ticket, session, issuer, and "leaked"/
    })
})

for (const service of ['identity-broker', 'mcp-provider', 'device-auth'] as const)
  t.test(`${service} does not start with a ring that does not open what is stored, and changes nothing`, async (t) => {
    if (service !== 'identity-broker') await openKeys(service, 'ticket')
    const before = await stored(service)
    const { code, stdout, stderr } = await runMain(service, [], environmentOf(service, `k9:${second}`))
    t.match({ code, stdout }, { code: 1, stdout: '' })
    const words = `${service}: MASTER_KEYS does not open what is stored in this database, and nothing was changed.`
    t.match(
      stderr,
      new RegExp(`^${words} The master key "k[13]" is not in MASTER_KEYS; put it back. Start with the ring.+\\n$`)
    )
    t.notOk(stderr.includes(second))
    t.same(await stored(service), before)
  })
