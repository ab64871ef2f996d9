import { createSecretKey, randomBytes } from 'node:crypto'
import { migrate, newId, openPostgres } from '@onbehalf/service-kit'
import { startBackends } from '@onbehalf/testkit'
import { sql } from 'kysely'
import t from 'tap'
import { migrations } from '../../migrations/index.ts'
import { createRecorder } from '../../src/calls/recorder.ts'
import { callStore } from '../../src/calls/store.ts'
import { createChains, type Linked } from '../../src/chain/link.ts'
import { chainStore } from '../../src/chain/store.ts'
import type { CallTable, Database } from '../../src/database.ts'

const backends = await startBackends(t)
const { DATABASE_URL: url = '' } = backends.environmentFor('tool-invoker')
const { db, runPrepared, close } = await openPostgres<Database>(url)
t.teardown(close)
const calls = callStore(db, runPrepared)

const link = createChains(createSecretKey(randomBytes(32)), newId)

const recordAt = (started_at: Date, more: Partial<CallTable> = {}): CallTable => ({
  id: newId(),
  kind: 'outcome',
  call_id: null,
  tenant_id: newId(),
  user_id: null,
  app_id: null,
  credential_kind: 'api_key',
  credential_id: newId(),
  provider_id: null,
  server_identifier: 'a',
  tool: 'x',
  tool_hash: null,
  arguments_digest: 'd',
  arguments: null,
  mode: null,
  audience: null,
  subject: null,
  token_jti: null,
  outcome: 'ok',
  upstream_status: 200,
  started_at,
  finished_at: started_at,
  ...more
})
const rowAt = (started_at: Date, more: Partial<CallTable> = {}): Linked => link(recordAt(started_at, more))

const placeOf = async ({ id }: Linked) => {
  const { rows } = await sql<{
    place: string
  }>`select tableoid::regclass::text as place from call where id = ${id}`.execute(db)
  return rows.map(({ place }) => place)
}
const partitionOf = (time: string) => `call_${time.slice(0, 7).replace('-', '_')}`

t.test('what others wrote rests as they wrote it, whatever it means to Postgres', async (t) => {
  const texts = ['null', 'NULL', '', ' ', '{}', '{a,b}', ',', '"', '\\', '\\"', '$1', "'", 'a\nb\tc', 'é€😀', '\u202e']
  const rows = texts.map((text) =>
    rowAt(new Date(), { server_identifier: text, tool: text, audience: text, subject: text, token_jti: text })
  )
  await calls.insert(rows)
  const kept = await db
    .selectFrom('call')
    .selectAll()
    .where(
      'id',
      'in',
      rows.map(({ id }) => id)
    )
    .execute()
  for (const row of rows) {
    const { started_at, finished_at, sequence, ...rest } = row
    const found = kept.find(({ id }) => id === row.id)
    t.match(found, { ...rest, sequence: String(sequence) }, JSON.stringify(row.tool))
    t.same([found?.started_at, found?.finished_at], [new Date(started_at), new Date(finished_at)])
    t.same([found?.tool, found?.subject, found?.app_id], [row.tool, row.subject, null])
  }
})

t.test('a batch that is written twice is there once', async (t) => {
  const rows = [rowAt(new Date()), rowAt(new Date())]
  await calls.insert(rows)
  await calls.insert(rows)
  for (const row of rows) t.same(await placeOf(row), [partitionOf(row.started_at)])
})

t.test('a row comes back as it went in', async (t) => {
  const row = rowAt(new Date(), {
    user_id: newId(),
    audience: 'https://a.example/mcp',
    subject: 'ada',
    token_jti: 'j',
    mode: 'idp_token'
  })
  await calls.insert([row])
  const times = { started_at: new Date(row.started_at), finished_at: new Date(row.finished_at) }
  t.same(await calls.list({ tenant_id: row.tenant_id, filters: {}, limit: 10 }), [{ ...row, ...times, sequence: '1' }])
})

t.test('what others wrote cannot hold back the rows behind it', async (t) => {
  const named = { server_identifier: 'a\0\ud800', tool: 'a\ud800b\\u0000"' }
  const row = rowAt(new Date(), { ...named, token_jti: 'j\0', audience: '\0', subject: 's\0' })
  await calls.insert([row])
  t.match(await calls.list({ tenant_id: row.tenant_id, filters: {}, limit: 10 }), [
    { server_identifier: 'a\ufffd', tool: 'a\ufffdb\\u0000"', token_jti: 'j', subject: 's' }
  ])
})

t.test('a month without a partition loses nothing, and its rows move when it gets one', async (t) => {
  const later = new Date(Date.UTC(2031, 11, 31, 23, 59, 59, 999))
  const next = new Date(Date.UTC(2032, 0, 1))
  const rows = [rowAt(later), rowAt(next)]
  await calls.insert(rows)
  for (const row of rows) t.same(await placeOf(row), ['call_default'])
  await Promise.all([calls.ensurePartitions(later), calls.ensurePartitions(later), calls.ensurePartitions(later)])
  for (const row of rows) t.same(await placeOf(row), [partitionOf(row.started_at)])
  const after = rowAt(later)
  await calls.insert([after])
  t.same(await placeOf(after), ['call_2031_12'])
})

t.test('a month that never had its partition in time gets it later, so that it can be dropped', async (t) => {
  const missed = [rowAt(new Date(Date.UTC(2023, 4, 5))), rowAt(new Date(Date.UTC(2023, 6, 7)))]
  const unset = rowAt(new Date(5_000))
  // What no clock says can be added as well, by others.
  const times = ['infinity', '-infinity', '290000-01-01 00:00:00+00', '0044-03-15 00:00:00+00 BC']
  const timeless = times.map((started_at) => ({ ...rowAt(new Date()), started_at }))
  await calls.insert([...missed, ...timeless, unset])
  await calls.partitionDefault()
  await calls.ensurePartitions(new Date(5_000))
  t.same(await placeOf(unset), ['call_default'], 'what a clock said that was never set is not dropped as old')
  t.same(await Promise.all(missed.map(placeOf)), [['call_2023_05'], ['call_2023_07']])
  for (const row of timeless) t.same(await placeOf(row), ['call_default'], row.started_at)
})

t.test('a record without a time that can be shown keeps nobody from the others', async (t) => {
  const tenant_id = newId()
  const good = rowAt(new Date(), { tenant_id })
  const odd = ['infinity', '-infinity', '290000-01-01 00:00:00+00', '0044-03-15 00:00:00+00 BC'].flatMap((time) => [
    { ...rowAt(new Date(), { tenant_id }), started_at: time },
    { ...rowAt(new Date(), { tenant_id }), finished_at: time }
  ])
  await calls.insert([...odd, good])
  const listed = await calls.list({ tenant_id, filters: {}, limit: 10 })
  t.same(
    listed.map(({ id }) => id),
    [good.id]
  )
})

t.test('the service itself can neither change nor take away what is on record', async (t) => {
  const later = new Date(Date.UTC(2033, 5, 15))
  const rows = [rowAt(new Date()), rowAt(later), rowAt(new Date(Date.UTC(2035, 0, 1)))]
  await calls.insert(rows.slice(0, 2))
  await calls.ensurePartitions(later)
  await calls.insert(rows.slice(2))
  await chainStore(db).addCheckpoint(newId(), 'said')
  const places = [...(await Promise.all(rows.map(placeOf))).flat(), 'call', 'call_checkpoint']
  t.same(places, [partitionOf(new Date().toISOString()), 'call_2033_06', 'call_default', 'call', 'call_checkpoint'])
  for (const place of places) {
    const table = sql.table(place)
    const column = sql.ref(place === 'call_checkpoint' ? 'statement' : 'tool')
    for (const statement of [
      sql`update ${table} set ${column} = 'y'`,
      sql`delete from ${table}`,
      sql`truncate ${table}`
    ])
      await t.rejects(statement.execute(db), { code: '42501', message: /only added/ }, place)
  }
})

t.test('the migrations go down and up again', async (t) => {
  const later = Object.keys(migrations).filter((name) => name >= '0004')
  for (const name of later.toReversed()) t.same(await migrate(url, migrations, 'down'), [name])
  t.same(await migrate(url, migrations, 'up'), later)
  await calls.ensurePartitions(new Date())
})

/** Time that only passes when it is told to. */
const startClock = () => {
  let now = 0
  const waiting = new Set<{ at: number; work: () => void }>()
  return {
    now: () => now,
    wait: (ms: number, work: () => void) => {
      const one = { at: now + ms, work }
      waiting.add(one)
      return () => void waiting.delete(one)
    },
    /** A millisecond, and all that comes of it. */
    tick: async () => {
      now += 1
      for (const one of waiting) {
        if (one.at > now || !waiting.delete(one)) continue
        one.work()
        await new Promise(setImmediate)
      }
    }
  }
}

t.test('at most 50 ms of records are not written yet, also while each insert takes 25', async (t) => {
  for (const insertMs of [2, 10, 25]) {
    const { now, wait, tick } = startClock()
    const ages: number[] = []
    let inserts = 0
    let isInserting = false
    const recorder = createRecorder({
      insert: (rows) => {
        t.notOk(isInserting, 'one after the other: of two the later could be there alone')
        isInserting = true
        inserts += 1
        return new Promise((resolve) =>
          wait(insertMs, () => {
            isInserting = false
            for (const { tool } of rows) ages.push(now() - Number(tool))
            resolve()
          })
        )
      },
      link,
      wait,
      now
    })
    const written = Promise.withResolvers<void>()
    recorder.onWritten(() => ages.length === 500 && written.resolve())
    for (let added = 0; added < 500; added += 1) {
      recorder.reserve()
      recorder.add(recordAt(new Date(), { tool: String(now()) }))
      await tick()
    }
    for (let later = 0; later < 100; later += 1) await tick()
    await written.promise
    t.ok(Math.max(...ages) <= 50, `inserts of ${insertMs} ms: ${Math.max(...ages)}`)
    t.ok(inserts <= 26, `and no more of them than are needed: ${inserts}`)
  }
})

t.test('a record that comes after the end is not tried for ever', async (t) => {
  let tries = 0
  const insert = async () => {
    tries += 1
    throw new Error('the connections are closed')
  }
  const recorder = createRecorder({ insert, link, flushMsMax: 1, flushMsMin: 1, retryMs: 1 })
  await recorder.close()
  recorder.add(recordAt(new Date()))
  await t.rejects(recorder.close(50), { message: '1 call records could not be written' })
  t.equal(tries, 0)
})
