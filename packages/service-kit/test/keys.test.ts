import { randomBytes, randomUUID } from 'node:crypto'
import { createKeySet, defineTicket, signTicket, verifyTicket } from '@onbehalf/rpc'
import { recordSecrets, startBackends, type TestContext } from '@onbehalf/testkit'
import { parseKeyRing } from '@onbehalf/vault'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import {
  databaseTime,
  type KeyTables,
  newId,
  openPostgres,
  openSigningKeys,
  openSigningKeysOf,
  openVault,
  type SigningKeys,
  vaultDependency
} from '../src/index.ts'
import { openKey } from '../src/keys/make-key.ts'
import { replaceNow, rotateNow } from '../src/keys/rotate.ts'

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
const vault = await openVault(db, ring(`k1:${first}`))
const place = (tenant_id: string, row = 'r') => ({ tenant_id, table: 'provider', column: 'headers', row })

const day = 86_400_000
const clockAt = (start: number) => {
  let time = start
  return {
    pass: (ms: number) => {
      time += ms
    },
    date: () => new Date(time),
    decided: async () => new Date(time),
    milliseconds: () => time
  }
}
type Clock = Pick<ReturnType<typeof clockAt>, 'date'> & Partial<Pick<ReturnType<typeof clockAt>, 'decided'>>
type Opening = { on?: typeof db; clock?: Clock; rotateDays?: number }
const open = async (t: TestContext, purpose: string, { on = db, clock, rotateDays = 30 }: Opening = {}) => {
  const clocks = { ...(clock && { now: clock.date }), ...(clock?.decided && { decidedAt: clock.decided }) }
  const keys = await openSigningKeys(on, vault, { purpose, rotateDays, ...clocks })
  t.teardown(async () => keys.close())
  return keys
}
const kidOf = (keys: Pick<SigningKeys, 'signingKey'>) => keys.signingKey().kid
const contract = defineTicket({ type: 'x+jwt', issuers: ['mcp-provider'], claims: Type.Object({ a: Type.String() }) })

t.test('replicas that start at once agree on one signing key', async (t) => {
  const purpose = `ticket-${randomUUID()}`
  const opened = await Promise.all([db, replica, db, replica].map((one) => open(t, purpose, { on: one })))
  const kids = opened.map(kidOf)
  t.equal(new Set(kids).size, 1)
  const again = await open(t, purpose)
  t.equal(kidOf(again), kids[0])
  const keys = again.publicKeys()
  t.match(keys, [{ kid: kids[0], kty: 'EC', crv: 'P-256' }])
  t.same(Object.keys(keys[0] ?? {}).sort(), ['crv', 'kid', 'kty', 'x', 'y'], 'nothing private is shown')
})

t.test('what the key signs is verified with the key it shows; each purpose has its own', async (t) => {
  const tickets = await open(t, 'ticket')
  const sessions = await open(t, 'session')
  t.not(kidOf(tickets), kidOf(sessions))
  const { ticket } = await signTicket(contract, { a: 'b' }, { issuer: 'mcp-provider', key: tickets.signingKey() })
  const findKey = createKeySet(async () => tickets.publicKeys())
  t.same(await verifyTicket(contract, ticket, { findKey }), { a: 'b' })
})

t.test('the next key is shown before it signs, and the old one after it signed, on every replica', async (t) => {
  const purpose = `rotated-${randomUUID()}`
  const clock = clockAt(Date.now())
  const replicas = await Promise.all([db, replica, db].map((one) => open(t, purpose, { on: one, clock })))
  const refresh = () => Promise.all(replicas.map((one) => one.refresh()))
  const seen = () => ({
    signing: [...new Set(replicas.map(kidOf))],
    shown: [...new Set(replicas.map((one) => JSON.stringify(one.publicKeys().map(({ kid }) => kid))))]
  })
  const [first = ''] = seen().signing
  clock.pass(30 * day - 600_001)
  await refresh()
  t.same(seen(), { signing: [first], shown: [JSON.stringify([first])] })

  clock.pass(1)
  await refresh()
  const [shown = ''] = seen().shown
  const [, second = ''] = JSON.parse(shown)
  t.same(seen(), { signing: [first], shown: [JSON.stringify([first, second])] }, 'three replicas made one')

  clock.pass(599_999)
  t.same(seen().signing, [first])
  clock.pass(1)
  t.same(seen().signing, [second], 'without reading anything again')

  clock.pass(3_600_000 - 1)
  await refresh()
  t.same(seen().shown, [JSON.stringify([first, second])])
  clock.pass(1)
  await refresh()
  t.same(seen().shown, [JSON.stringify([second])])
})

t.test(
  'who reads the shown keys only when their cache ends verifies all that is signed while keys rotate',
  async (t) => {
    const clock = clockAt(Date.now())
    const keys = await open(t, `always-${randomUUID()}`, { clock, rotateDays: 1 })
    const now = clock.milliseconds
    let cached = { keys: keys.publicKeys(), readAt: now() }
    const kids = new Set<string>()
    for (let minutes = 0; minutes < 3 * 24 * 60 + 60; minutes += 9) {
      clock.pass(9 * 60_000)
      const key = keys.signingKey()
      kids.add(key.kid)
      const { ticket } = await signTicket(contract, { a: 'b' }, { issuer: 'mcp-provider', key, now })
      await verifyTicket(contract, ticket, { findKey: createKeySet(async () => cached.keys), now })
      await keys.refresh()
      if (now() - cached.readAt >= 300_000) cached = { keys: keys.publicKeys(), readAt: now() }
    }
    t.equal(kids.size, 4)
  }
)

t.test('a key is not rotated twice, however often it is asked for', async (t) => {
  const of = { purpose: `asked-${randomUUID()}`, tenant_id: 'instance' }
  const keys = await open(t, of.purpose)
  const needs = { db, vault, now: () => new Date(), decidedAt: () => databaseTime(db) }
  const made = await Promise.all([rotateNow(needs, of), rotateNow(needs, of), rotateNow({ ...needs, db: replica }, of)])
  t.equal(made.filter(({ isNew }) => isNew).length, 1)
  t.equal(new Set(made.map(({ next }) => next.id)).size, 1)
  const before = kidOf(keys)
  await keys.refresh()
  t.equal(kidOf(keys), before)
  t.same(
    keys.publicKeys().map(({ kid }) => kid),
    [before, made[0]?.next.id]
  )
})

t.test('a replica whose clock is years ahead makes no key and drops none', async (t) => {
  const purpose = `ahead-${randomUUID()}`
  const right = await open(t, purpose)
  const kid = kidOf(right)
  const clock = clockAt(Date.now() + 800 * day)
  const ahead = await open(t, purpose, { clock: { date: clock.date }, on: replica })
  for (let month = 0; month < 3; month += 1) {
    clock.pass(31 * day)
    await ahead.refresh()
  }
  t.equal(kidOf(ahead), kid)
  await right.refresh()
  t.same(
    right.publicKeys().map((key) => key.kid),
    [kid]
  )
})

t.test('a key that leaked is worth nothing as soon as the replicas know', async (t) => {
  const of = { purpose: `leaked-${randomUUID()}`, tenant_id: 'instance' }
  const keys = await open(t, of.purpose)
  const leaked = kidOf(keys)
  const needs = { db, vault, now: () => new Date(), decidedAt: () => databaseTime(db) }
  await rotateNow(needs, of)
  await replaceNow(needs, of)
  await keys.refresh()
  t.not(kidOf(keys), leaked)
  t.same(
    keys.publicKeys().map(({ kid }) => kid),
    [kidOf(keys)]
  )
})

t.test('while Postgres is away the keys that are held sign on', async (t) => {
  const { db: own, close } = await openPostgres<KeyTables>(url)
  const keys = await open(t, `away-${randomUUID()}`, { on: own })
  const kid = kidOf(keys)
  await close()
  await t.rejects(keys.refresh())
  t.equal(kidOf(keys), kid)
  t.equal(keys.publicKeys().length, 1)
})

t.test('each tenant has keys of its own, which rotate when they are used, and are sealed for it', async (t) => {
  const clock = clockAt(Date.now())
  const [one, other] = [newId(), newId()]
  const purpose = `issuer-${randomUUID()}`
  const openTenants = (on: typeof db) => {
    const keysOf = openSigningKeysOf(on, vault, { rotateDays: 30, now: clock.date, decidedAt: clock.decided })
    return { of: (tenant_id: string) => keysOf({ purpose, tenant_id }) }
  }
  const [keys, elsewhere] = [openTenants(db), openTenants(replica)]
  const first = kidOf(await keys.of(one))
  t.equal(kidOf(await elsewhere.of(one)), first)
  t.not(kidOf(await keys.of(other)), first)
  clock.pass(30 * day)
  t.equal(kidOf(await keys.of(one)), first, 'the next one is shown first')
  t.equal((await elsewhere.of(one)).publicKeys().length, 2)
  clock.pass(600_000)
  t.not(kidOf(await keys.of(one)), first)
  t.equal(kidOf(await elsewhere.of(one)), kidOf(await keys.of(one)))
  const moved = db.updateTable('signing_key').set({ tenant_id: other }).where('id', '=', first)
  await moved.where('purpose', '=', purpose).execute()
  const { private_jwk } = await db
    .selectFrom('signing_key')
    .select('private_jwk')
    .where('id', '=', first)
    .executeTakeFirstOrThrow()
  await t.rejects(openKey(vault, other, { id: first, private_jwk }), { message: /sealed for another place/ })
})

t.test('a private key rests encrypted', async (t) => {
  await open(t, 'ticket')
  const { private_jwk } = await db.selectFrom('signing_key').select('private_jwk').limit(1).executeTakeFirstOrThrow()
  t.notMatch(private_jwk.toString('latin1'), /"d":|"kty":/)
})

t.test('a ring that does not open what is stored is refused in plain words, and nothing is written', async (t) => {
  const stored = async () => [
    await db.selectFrom('data_key').selectAll().orderBy('tenant_id').orderBy('id').execute(),
    await db.selectFrom('signing_key').selectAll().orderBy('id').execute()
  ]
  await open(t, 'ticket')
  const before = await stored()
  const wrong: [string, RegExp][] = [
    [`k1:${second}`, /"k1" in MASTER_KEYS is not the one/],
    [`k2:${second}`, /"k1" is not in MASTER_KEYS; put it back/],
    [`k2:${second},k3:${masterKey()}`, /"k1" is not in MASTER_KEYS/]
  ]
  for (const [text, words] of wrong) {
    const refused = openVault(db, ring(text))
    await t.rejects(refused, { message: /^MASTER_KEYS does not open what is stored .*nothing was changed/ })
    await t.rejects(refused, { message: words })
    await t.rejects(refused, { message: /the backup it came from/ })
  }
  t.same(await stored(), before)
})

t.test('a database that is exchanged under a running replica is told at /readyz', async (t) => {
  let time = 0
  const { check, name } = vaultDependency(vault, () => time)
  await check()
  t.equal(name, 'vault')
  const tenant_id = newId()
  const foreign = await openVault(db, ring(`k1:${first}`))
  await foreign.seal('x', place(tenant_id))
  await db.updateTable('data_key').set({ master_key_id: 'of the other' }).where('tenant_id', '=', tenant_id).execute()
  await check()
  time = 30_000
  await t.rejects(check(), { message: /"of the other" is not in MASTER_KEYS/ })
  await db.deleteFrom('data_key').where('tenant_id', '=', tenant_id).execute()
  await check()
})

t.test('replicas that seal for a new tenant at once use one data key', async (t) => {
  const tenant = newId()
  const vaults = [vault, await openVault(replica, ring(`k1:${first}`))]
  const sealed = await Promise.all(vaults.map((one) => one.seal('hello', place(tenant))))
  const rows = await db.selectFrom('data_key').selectAll().where('tenant_id', '=', tenant).execute()
  t.match(rows, [{ id: 1, master_key_id: 'k1' }])
  const fresh = await openVault(db, ring(`k1:${first}`))
  for (const one of sealed) t.equal(await fresh.open(one, place(tenant)), 'hello')
  await t.rejects(fresh.open(sealed[0] ?? Buffer.alloc(0), place(newId())), 'a value opens for its own tenant only')
})

t.test('a new master key wraps every data key anew, and the old one can go', async (t) => {
  const tenant = newId()
  const sealed = await vault.seal('kept', place(tenant))
  const rotating = await openVault(db, ring(`k2:${second},k1:${first}`))
  t.ok((await rotating.rewrap()) > 0)
  t.equal(await rotating.rewrap(), 0)
  const left = await db.selectFrom('data_key').select('tenant_id').where('master_key_id', '<>', 'k2').execute()
  t.same(left, [])
  t.equal(await (await openVault(replica, ring(`k2:${second}`))).open(sealed, place(tenant)), 'kept')
})

t.test('ids grow with time', async (t) => {
  const ids = Array.from({ length: 1000 }, newId)
  t.same([...ids].sort(), ids)
  t.match(ids[0], /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
