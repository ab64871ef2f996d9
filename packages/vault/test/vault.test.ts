import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createVault, type Place, parseKeyRing, VaultError } from '../src/index.ts'
import { encodePlace } from '../src/place.ts'
import { memoryStore } from './memory-store.ts'

const secret = 'refresh-token-of-alice-0123456789'
const place: Place = { tenant_id: 't1', table: 'grant', column: 'refresh_token', row: 'g1', user: 'u1', generation: 3 }
const k1 = `k1:${randomBytes(32).toString('base64url')}`
const k2 = `k2:${randomBytes(32).toString('base64')}`

const failureOf = async (work: Promise<unknown>): Promise<VaultError> => {
  try {
    await work
  } catch (error) {
    if (error instanceof VaultError) return error
    throw error
  }
  throw new Error('It was expected to fail.')
}

t.test('what is sealed opens again at its own place', async (t) => {
  const vault = createVault({ keyRing: parseKeyRing(k1), dataKeys: memoryStore() })
  for (const plaintext of [secret, '', 'ключ 🔑', 'x'.repeat(100_000)])
    t.equal(await vault.open(await vault.seal(plaintext, place), place), plaintext)
  const { generation, user, ...rest } = place
  const reordered: Place = { user: user ?? '', generation: generation ?? 0, ...rest }
  t.equal(
    await vault.open(await vault.seal(secret, place), reordered),
    secret,
    'in whatever order the place is written'
  )
})

t.test('a sealed value does not open at another tenant, table, column, row or with another field', async (t) => {
  const store = memoryStore()
  const vault = createVault({ keyRing: parseKeyRing(k1), dataKeys: store })
  const sealed = await vault.seal(secret, place)
  await vault.seal(secret, { ...place, tenant_id: 't2' })
  const { user: _, ...withoutUser } = place
  const elsewhere = {
    tenant: { ...place, tenant_id: 't2' },
    table: { ...place, table: 'session' },
    column: { ...place, column: 'access_token' },
    row: { ...place, row: 'g2' },
    generation: { ...place, generation: 4 },
    'a number written as text': { ...place, generation: '3' },
    'a field more': { ...place, connection: 'c1' },
    'a field less': withoutUser
  }
  for (const [what, other] of Object.entries(elsewhere)) {
    const error = await failureOf(vault.open(sealed, other))
    t.equal(error.reason, 'altered_or_misplaced', what)
    t.notMatch(JSON.stringify([error.message, error.stack]), secret)
  }
})

t.test('a data key that was moved to another tenant or number is not used there', async (t) => {
  const store = memoryStore()
  const keyRing = parseKeyRing(k1)
  await createVault({ keyRing, dataKeys: store }).seal(secret, place)
  const [row] = store.rows
  for (const change of [{ tenant_id: 't2' }, { id: 2 }]) {
    store.rows = row === undefined ? [] : [{ ...row, ...change }]
    const vault = createVault({ keyRing, dataKeys: store })
    const at = { ...place, tenant_id: change.tenant_id ?? 't1' }
    t.equal((await failureOf(vault.seal(secret, at))).reason, 'altered_or_misplaced')
  }
})

t.test('two different places never look the same', async (t) => {
  const base = { tenant_id: 't', table: 't', column: 'c' }
  const left = encodePlace({ ...base, row: 'a', user: 'b1:c' })
  const right = encodePlace({ ...base, row: 'a4:users4:b1:c' })
  t.notOk(left.equals(right))
  const [one, other] = [encodePlace({ ...base, row: 'a', sub: 'b' }), encodePlace({ ...base, row: 'asubsb' })]
  t.notOk(one.equals(other), 'a value cannot pose as the fields after it')
  t.notOk(encodePlace({ ...base, row: 'é' }).equals(encodePlace({ ...base, row: 'e\u0301' })))
  t.throws(() => encodePlace({ ...base, row: '\ud800' }), /ill-formed/, 'ill-formed text, which UTF-8 would merge')
  t.throws(() => encodePlace({ ...base, row: Number.NaN }), /row/, 'what is not a whole number')
})

t.test('a changed bit anywhere is noticed', async (t) => {
  const vault = createVault({ keyRing: parseKeyRing(k1), dataKeys: memoryStore() })
  const sealed = await vault.seal(secret, place)
  for (let index = 0; index < sealed.length; index += 1) {
    const altered = Buffer.from(sealed)
    altered.writeUInt8(altered.readUInt8(index) ^ 1, index)
    const error = await failureOf(vault.open(altered, place))
    const expected = index === 0 ? 'malformed' : index < 5 ? 'data_key_missing' : 'altered_or_misplaced'
    t.equal(error.reason, expected, `byte ${index}`)
  }
  t.equal((await failureOf(vault.open(sealed.subarray(0, 20), place))).reason, 'malformed')
})

t.test('the stored bytes hold the secret neither plainly nor twice alike, and no nonce comes twice', async (t) => {
  const vault = createVault({ keyRing: parseKeyRing(k1), dataKeys: memoryStore() })
  const sealed = await Promise.all(Array.from({ length: 2_000 }, () => vault.seal(secret, place)))
  t.notOk(sealed.some((bytes) => bytes.includes(secret)))
  t.equal(new Set(sealed.map((bytes) => bytes.subarray(5, 17).toString('hex'))).size, sealed.length)
  t.equal(sealed[0]?.length, secret.length + 33)
})

t.test('two replicas that meet a new tenant at once end with one data key', async (t) => {
  const store = memoryStore()
  const replicas = [1, 2, 3].map(() => createVault({ keyRing: parseKeyRing(k1), dataKeys: store }))
  const sealed = await Promise.all(
    replicas.flatMap((vault) => Array.from({ length: 5 }, () => vault.seal(secret, place)))
  )
  t.equal(store.rows.length, 1)
  for (const vault of replicas) for (const bytes of sealed) t.equal(await vault.open(bytes, place), secret)
})

t.test('a data key is left for the next after its share of messages, and old values still open', async (t) => {
  const store = memoryStore()
  const options = { keyRing: parseKeyRing(k1), dataKeys: store, sealsPerDataKey: 3 }
  const [writer, reader] = [createVault(options), createVault(options)]
  const first = await writer.seal(secret, place)
  t.equal(await reader.open(first, place), secret)
  for (let seals = 1; seals < 7; seals += 1) await writer.seal(secret, place)
  t.equal(store.rows.length, 3)
  const last = await writer.seal(secret, place)
  t.equal(await writer.open(first, place), secret)
  t.equal(await reader.open(last, place), secret, 'also in a replica that loaded before the new key was there')
})

t.test('data keys are read once per tenant, and no more tenants stay open than allowed', async (t) => {
  const store = memoryStore()
  const vault = createVault({ keyRing: parseKeyRing(k1), dataKeys: store, tenantsMax: 2 })
  const at = (tenant_id: string): Place => ({ ...place, tenant_id })
  await Promise.all(Array.from({ length: 50 }, () => vault.seal(secret, at('t1'))))
  t.equal(store.reads, 1, 'fifty at once')
  await vault.seal(secret, at('t2'))
  await vault.seal(secret, at('t1'))
  await vault.seal(secret, at('t3'))
  t.equal(store.reads, 3)
  await vault.seal(secret, at('t1'))
  t.equal(store.reads, 3, 'the one used lately stays')
  await vault.seal(secret, at('t2'))
  t.equal(store.reads, 4, 'the one not used for longest left')
  vault.forget('t2')
  await vault.seal(secret, at('t2'))
  t.equal(store.reads, 5, 'a forgotten one is read again')
})

t.test('many more tenants than stay open can be sealed for at once', async (t) => {
  const vault = createVault({ keyRing: parseKeyRing(k1), dataKeys: memoryStore(), tenantsMax: 1 })
  const places = Array.from({ length: 20 }, (_, index) => ({ ...place, tenant_id: `t${index % 10}` }))
  const sealed = await Promise.all(places.map(async (at) => ({ at, bytes: await vault.seal(secret, at) })))
  for (const { at, bytes } of sealed) t.equal(await vault.open(bytes, at), secret)
})

t.test('a store that failed once is asked again', async (t) => {
  const store = memoryStore()
  let isDown = true
  const find = async (tenantId: string) => {
    if (isDown) throw new Error('database is gone')
    return store.find(tenantId)
  }
  const vault = createVault({ keyRing: parseKeyRing(k1), dataKeys: { ...store, find } })
  await t.rejects(vault.seal(secret, place), /database is gone/)
  isDown = false
  t.equal(await vault.open(await vault.seal(secret, place), place), secret)
})

t.test('a missing master key fails closed and is named', async (t) => {
  const store = memoryStore()
  const sealed = await createVault({ keyRing: parseKeyRing(k1), dataKeys: store }).seal(secret, place)
  const wrong = createVault({ keyRing: parseKeyRing(k2), dataKeys: store })
  for (const work of [wrong.open(sealed, place), wrong.seal(secret, place), wrong.rewrap()]) {
    const error = await failureOf(work)
    t.equal(error.reason, 'master_key_missing')
    t.match(error.message, '"k1"')
    t.notMatch(error.message, k2.slice(3))
  }
  t.equal(store.rows.length, 1, 'no second data key was made instead')
  const disguised = `k1:${randomBytes(32).toString('base64')}`
  const error = await failureOf(createVault({ keyRing: parseKeyRing(disguised), dataKeys: store }).open(sealed, place))
  t.equal(error.reason, 'altered_or_misplaced', 'another key under the same id')
  t.match(error.message, '"k1"')
})

t.test('master keys rotate while values are read and written', async (t) => {
  const store = memoryStore()
  const old = createVault({ keyRing: parseKeyRing(`${k1},${k2}`), dataKeys: store })
  const tenants = Array.from({ length: 450 }, (_, index) => ({ ...place, tenant_id: `t${index}` }))
  const sealed = await Promise.all(tenants.map((at) => old.seal(secret, at)))
  const rotated = createVault({ keyRing: parseKeyRing(`${k2},${k1}`), dataKeys: store })
  const [first, second, during] = await Promise.all([rotated.rewrap(), rotated.rewrap(), old.seal(secret, place)])
  t.equal(first + second, 450, 'two at once do each key once')
  t.ok(store.rows.every((row) => row.master_key_id === 'k2'))
  t.equal(await rotated.rewrap(), 0)
  const newOnly = createVault({ keyRing: parseKeyRing(k2), dataKeys: store })
  for (const [index, at] of tenants.entries()) {
    const bytes = sealed[index]
    if (bytes === undefined || (await newOnly.open(bytes, at)) !== secret) t.fail(`tenant ${index}`)
  }
  t.equal(await newOnly.open(during, place), secret)
})

t.test('a cached seal and open are fast enough for 20,000 mints a second', async (t) => {
  const vault = createVault({ keyRing: parseKeyRing(k1), dataKeys: memoryStore() })
  const token = 'e'.repeat(1_000)
  const started = process.cpuUsage()
  for (let index = 0; index < 5_000; index += 1) await vault.open(await vault.seal(token, place), place)
  const { user, system } = process.cpuUsage(started)
  const microseconds = (user + system) / 5_000
  t.comment(`${microseconds.toFixed(1)} µs for both`)
  t.ok(microseconds < 500, 'ten times the target, so that a busy machine does not fail it')
})
