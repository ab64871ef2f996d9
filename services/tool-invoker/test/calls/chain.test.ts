import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newId, openInstanceSecret, openPostgres } from '@onbehalf/service-kit'
import { eventually } from '@onbehalf/testkit'
import { sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { beginRow } from '../../src/calls/record.ts'
import { readCheckpoint } from '../../src/chain/checkpoint.ts'
import { auditVerify } from '../../src/chain/command.ts'
import { dropMonths } from '../../src/chain/drop-months.ts'
import { keepCheckpoints } from '../../src/chain/keep-checkpoints.ts'
import { openChainKeys } from '../../src/chain/keys.ts'
import { createChains } from '../../src/chain/link.ts'
import { chainStore } from '../../src/chain/store.ts'
import type { Database } from '../../src/database.ts'
import { startStage } from '../stage.ts'

const stage = await startStage(t)
const { broker, providers, recording, resources } = stage
const admin = new pg.Client({ connectionString: stage.backends.adminDatabaseUrl })
await admin.connect()
await admin.query('set search_path to tool_invoker')
// Who can do anything at all to the database, as the service cannot.
await admin.query('set session_replication_role to replica')
const { db, close } = await openPostgres<Database>(resources.config.DATABASE_URL)
const chainKeys = await openChainKeys((secret) => openInstanceSecret(db, resources.vault, secret))
t.teardown(() => Promise.all([admin.end(), close()]))

const owner = await broker.signIn({ role: 'owner' })
const { tenant_id } = owner
const { server_identifier } = providers.register({ tenant_id, server_url: recording.url, mode: 'idp_token' })

type App = typeof stage.app
const callAt = (app: App, tool: string, given: object = {}) =>
  app.inject({
    ...{ method: 'POST', url: '/v1/tools/call', headers: owner.headers },
    payload: { server_identifier, tool, arguments: given }
  })
const list = async (query = '', headers: Record<string, string> = owner.headers) =>
  (await stage.app.inject({ url: `/v1/calls${query}`, headers })).json().data
const rowsOf = async () => {
  const { rows } = await admin.query('select * from call where tenant_id = $1 order by writer, sequence', [tenant_id])
  return rows
}

/** What audit:verify says, in the end. */
const verify = (...args: string[]): Promise<string> =>
  auditVerify(resources.config, { args }).catch((error: unknown) => String(error))
/** The same after something was done to the tables, which is undone then. */
const verifyAfter = async (statements: string[], ...args: string[]): Promise<string> => {
  for (const table of ['call', 'call_checkpoint']) await admin.query(`create table kept_${table} as table ${table}`)
  for (const statement of statements) await admin.query(statement)
  const words = await verify(...args)
  for (const table of ['call', 'call_checkpoint']) {
    await admin.query(`delete from ${table}`)
    await admin.query(`insert into ${table} table kept_${table}`)
    await admin.query(`drop table kept_${table}`)
  }
  return words
}

t.test('what two replicas wrote at once is whole, and what was done to it is told apart', async (t) => {
  const exported: string[] = []
  const replicas = await Promise.all([stage.open(), stage.open()])
  for (const { resources: own } of replicas) own.checkpoints.onStatement((statement) => exported.push(statement))
  for (const tool of ['one', 'two', 'three', 'four', 'five'])
    await Promise.all(replicas.map(({ app }) => callAt(app, tool)))
  // They state what they wrote when they leave.
  await Promise.all(replicas.map(({ app }) => app.close()))
  const rows = await rowsOf()
  t.same(
    rows.map(({ sequence }) => Number(sequence)),
    [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]
  )
  t.match(await verify(), /^\d+ records in \d+ chains: nothing was changed, removed or added$/)
  const [{ writer }] = rows
  const at = (sequence: number) => `where writer = '${writer}' and sequence = ${sequence}`
  const file = join(stage.backends.directory, 'exported.log')
  await writeFile(file, exported.map((statement) => `{"level":30,"checkpoint":"${statement}"}\n`).join(''))

  const said = (words: string) => new RegExp(`^Error: tenant ${tenant_id}, writer ${writer}: ${words}$`)
  t.match(await verifyAfter([`update call set tool = 'other' ${at(3)}`]), said('changed: 3 \\([\\w-]+\\)'))
  t.match(await verifyAfter([`update call set tool_hash = 'x' ${at(3)}`]), said('changed: 3 \\([\\w-]+\\)'))
  t.match(await verifyAfter([`update call set arguments = 'x' ${at(3)}`]), said('changed: 3 \\([\\w-]+\\)'))
  t.match(await verifyAfter([`update call set mac = 'x' ${at(5)}`]), said('changed: 5 \\([\\w-]+\\)'))
  t.match(await verifyAfter([`delete from call ${at(3)}`]), said('removed: 3'))
  t.match(
    await verifyAfter([`delete from call ${at(1)}`, `delete from call ${at(2)}`]),
    said('cut: the first 2 are gone')
  )
  const shortened = said('shortened: it ends with 4, and a checkpoint says 5')
  t.match(await verifyAfter([`delete from call ${at(5)}`]), shortened)
  const hidden = [`delete from call ${at(5)}`, 'delete from call_checkpoint']
  t.match(await verifyAfter(hidden), /nothing was changed/, 'the database alone cannot tell')
  t.match(await verifyAfter(hidden, file), shortened, 'what was exported can')
  const gone = said('shortened: it ends with 0, and a checkpoint says 5')
  t.match(await verifyAfter([`delete from call where writer = '${writer}'`]), gone)
  const copy = (more: string) => `insert into call select (json_populate_record(c, '${more}')).* from call c ${at(5)}`
  t.match(await verifyAfter([copy(`{"id":"${newId()}","writer":null}`)]), /added: 1 records are in no chain/)
  t.match(await verifyAfter([copy(`{"id":"${newId()}"}`)]), /added: another 5/)
  for (const time of ['infinity', '290000-01-01 00:00:00+00'])
    t.match(await verifyAfter([copy(`{"started_at":"${time}"}`)]), /added: another 5/, time)
  t.match(await verifyAfter(["update call_checkpoint set statement = statement || 'A'"]), /not signed by us/)
  t.match(await verify(file), /nothing was changed/)
})

t.test(
  'a record that was added is found wherever it is, also behind the last of 2,000 that are read at once',
  async (t) => {
    const link = createChains(chainKeys.recordKey, newId)
    const principal = {
      kind: 'user',
      // Read first, so that its 2,000 are the first.
      ...{ tenant_id: '00000000-0000-0000-0000-000000000001', user_id: newId(), role: null },
      credential: { kind: 'session', id: newId() }
    } as const
    const asked = { server_identifier, tool: 'x', arguments: {} }
    await resources.calls.insert(Array.from({ length: 2_001 }, () => link(beginRow(principal, asked, new Date()))))
    t.match(await verify(), /nothing was changed/)
    const copy = (sequence: number, more: string) =>
      `insert into call select (json_populate_record(c, ${more})).* from call c
      where tenant_id = '${principal.tenant_id}' and sequence = ${sequence}`
    const withId = (id: string) => `'{"id":"${id}"}'`
    const sameButLater = "json_build_object('started_at', c.started_at + interval '1 microsecond')"
    t.match(await verifyAfter([copy(1_000, withId(newId()))]), /added: another 1000 /)
    // Ids rise, so that the first is read before the record and the second behind it.
    t.match(
      await verifyAfter([copy(2_000, withId('00000000-0000-7000-8000-000000000000'))]),
      /(added: another|changed:) 2000 /
    )
    t.match(await verifyAfter([copy(2_000, withId('ffffffff-ffff-7fff-bfff-ffffffffffff'))]), /added: another 2000 /)
    t.match(await verifyAfter([copy(2_000, sameButLater)]), /added: another 2000 /)
  }
)

t.test('a month that is dropped is stated first; one that just vanished is noticed', async (t) => {
  const link = createChains(chainKeys.recordKey, newId)
  const principal = {
    kind: 'user',
    ...{ tenant_id: newId(), user_id: newId(), role: null },
    credential: { kind: 'session', id: newId() }
  } as const
  const old = new Date(Date.UTC(2024, 0, 31, 23, 59))
  // A call that began in the old month may be written after one of the next.
  const times = [old, old, new Date(), old, new Date()]
  await resources.calls.ensurePartitions(old)
  const rows = times.map((time) => link(beginRow(principal, { server_identifier, tool: 'x', arguments: {} }, time)))
  await resources.calls.insert(rows)
  t.match(await verify(), /nothing was changed/)
  const words = await verifyAfter(['delete from call_2024_01'])
  t.match(words, /cut: the first 2 are gone/)
  t.match(words, /removed: 4/)

  const told: string[] = []
  const tell = (statement: string) => void told.push(statement)
  const refuse = () => t.fail('all of it is ours')
  const tools = { chain: chainStore(db), ...chainKeys, tell, refuse }
  const at = { monthsKept: 13, now: new Date(), signal: new AbortController().signal }
  await dropMonths(tools, { ...at, monthsKept: 0 })
  t.same(told, [], '0 keeps all')
  const tellAndDie = (statement: string) => {
    tell(statement)
    throw new Error('killed')
  }
  await t.rejects(dropMonths({ ...tools, tell: tellAndDie }, at), { message: 'killed' })
  t.match(told, [/^eyJ/], 'told before anything is gone')
  const log = join(stage.backends.directory, 'dropped.log')
  await writeFile(log, told.join('\n'))
  t.match(await verify(log), /nothing was changed/, 'and what is there after all is no fault')
  await t.rejects(dropMonths(tools, { ...at, signal: AbortSignal.abort(new Error('leaving')) }), { message: 'leaving' })
  await dropMonths(tools, at)
  t.equal(told.length, 3, 'said again, and of the empty month behind it')
  const { rows: left } = await admin.query('select sequence from call where tenant_id = $1', [principal.tenant_id])
  t.equal(left.length, 2)
  t.match(await verify(), /nothing was changed/)
  t.match(await verifyAfter(['delete from call_checkpoint']), /cut: the first 2 are gone/)
  t.match(await verifyAfter(['delete from call_checkpoint'], log), /nothing was changed/, 'the log says what they were')
})

t.test('a month with a record that is not ours, or not of that month, is neither stated nor dropped', async (t) => {
  const link = createChains(chainKeys.recordKey, newId)
  const write = async (tenant_id: string, ...times: Date[]) => {
    const credential = { kind: 'session', id: newId() } as const
    const principal = { kind: 'user', tenant_id, user_id: newId(), role: null, credential } as const
    const asked = { server_identifier, tool: 'x', arguments: {} }
    const rows = times.map((time) => link(beginRow(principal, asked, time)))
    await resources.calls.insert(rows)
    return rows.map(({ tenant_id, writer, sequence, id }) => ({ tenant_id, writer, sequence, id }))
  }
  const day = (year: number, month: number) => new Date(Date.UTC(year, month - 1, 15))
  // The tables are the service's own: whoever has its password can make others.
  const crooked = "create table call_2020_02 partition of call for values from ('2040-01-01Z') to ('2040-02-01Z')"
  await db.executeQuery(sql.raw(crooked).compile(db))
  const [copied, misplaced, orphaned, whole] = [newId(), newId(), newId(), newId()]
  const [, copy] = await write(copied, day(2022, 1), new Date())
  const [future] = await write(misplaced, day(2040, 1))
  const [, orphan] = await write(orphaned, day(2020, 3), day(2020, 4))
  await write(whole, day(2022, 1), day(2022, 2), day(2022, 2), new Date(), day(2022, 4))
  await db.executeQuery(
    sql`insert into call select (json_populate_record(c, '{"started_at":"2020-01-15T00:00:00Z"}')).* from call c
      where tenant_id = ${copied} and sequence = 2`.compile(db)
  )
  await resources.calls.partitionDefault()
  await admin.query('drop table call_2020_03')

  const refused: unknown[] = []
  const said: string[] = []
  const refuse = (...one: unknown[]) => void refused.push(one)
  const tools = { chain: chainStore(db), ...chainKeys, tell: (one: string) => void said.push(one), refuse }
  const { signal } = new AbortController()
  // The second time what February follows is known from the statement alone.
  await dropMonths(tools, { monthsKept: 0, now: new Date(), signal })
  await dropMonths({ ...tools, refuse: () => {} }, { monthsKept: 13, now: day(2023, 3), signal })
  await dropMonths(tools, { monthsKept: 13, now: new Date(), signal })
  t.same(refused, [
    ['2020_01', copy],
    ['2020_02', future],
    ['2020_04', orphan]
  ])
  const months = await chainStore(db).months()
  t.same(
    months.filter((month) => month < '2023'),
    ['2020_01', '2020_02', '2020_04']
  )
  const stated = said.flatMap((one) => readCheckpoint(chainKeys.checkpointKey, one)?.stretches ?? [])
  t.same(
    stated.filter(({ tenant_id }) => tenant_id === whole).map(({ first, last }) => [first, last]),
    [
      [1, 1],
      [2, 3],
      [5, 5]
    ]
  )
  t.notOk(stated.some(({ tenant_id }) => tenant_id === misplaced || tenant_id === orphaned))
  const hidden = `delete from call where tenant_id = '${copied}' and started_at > '2021-01-01'`
  t.match(await verifyAfter([hidden]), new RegExp(`tenant ${copied}, writer ${copy?.writer}: changed: 2 `))

  for (const month of ['2020_01', '2020_02', '2020_04']) await admin.query(`drop table call_${month}`)
  await admin.query('delete from call where tenant_id = any($1)', [[copied, misplaced, orphaned, whole]])
})

t.test('what was written is stated while its replica runs, and only what came since', async (t) => {
  const link = createChains(chainKeys.recordKey, newId)
  const principal = {
    kind: 'user',
    ...{ tenant_id: newId(), user_id: newId(), role: null },
    credential: { kind: 'session', id: newId() }
  } as const
  const asked = { server_identifier, tool: 'x', arguments: {} }
  const [first, second, third] = [1, 2, 3].map(() => link(beginRow(principal, asked, new Date())))
  if (!first || !second || !third) throw new Error('three records were linked')
  await resources.calls.insert([first, second, third])
  const told: string[] = []
  const waiting: (() => void)[] = []
  const kept = keepCheckpoints({ chain: chainStore(db), key: chainKeys.checkpointKey, everyMs: 1 })
  kept.onStatement((statement) => {
    told.push(statement)
    waiting.shift()?.()
  })
  for (const rows of [[first, second], [third]]) {
    const stated = new Promise<void>((resolve) => waiting.push(resolve))
    kept.note(rows)
    await stated
  }
  await kept.close()
  const { writer, tenant_id } = first
  t.match(
    told.map((statement) => readCheckpoint(chainKeys.checkpointKey, statement)),
    [
      { kind: 'written', stretches: [{ tenant_id, writer, first: 1, last: 2, mac: second.mac }] },
      { kind: 'written', stretches: [{ tenant_id, writer, first: 3, last: 3, mac: third.mac }] }
    ]
  )
  t.equal(told.length, 2)
})

t.test('digests of arguments are keyed, so that nobody can try arguments', async (t) => {
  await callAt(stage.app, 'digest', { a: 1 })
  await callAt(stage.app, 'digest', { a: 1 })
  const rows = await eventually(
    () => list('?tool=digest'),
    ({ length }) => length === 2
  )
  t.match(rows[0].arguments_digest, /^[\w-]{43}$/)
  t.equal(rows[0].arguments_digest, rows[1].arguments_digest)
  t.not(
    rows[0].arguments_digest,
    beginRow(
      { ...owner, kind: 'user', role: null, credential: { kind: 'session', id: newId() } },
      { server_identifier, tool: 'digest', arguments: { a: 1 } },
      new Date()
    ).arguments_digest
  )
})

t.test('the list is narrowed by what is asked for, and leaves as lines', async (t) => {
  const member = await broker.signIn({ tenant_id })
  const since = new Date().toISOString()
  await callAt(stage.app, 'narrow')
  await stage.app.inject({
    ...{ method: 'POST', url: '/v1/tools/call', headers: member.headers },
    payload: { server_identifier: 'nowhere', tool: 'narrow' }
  })
  await eventually(
    () => list('?tool=narrow'),
    ({ length }) => length === 2
  )
  const toolsFor = async (query: string, headers = owner.headers) => (await list(query, headers)).length
  t.equal(await toolsFor('?tool=narrow&outcome=not_found'), 1)
  t.equal(await toolsFor(`?tool=narrow&server_identifier=${server_identifier}`), 1)
  t.equal(await toolsFor(`?user_id=${member.user_id}`), 1)
  t.equal(await toolsFor(`?since=${since}&tool=narrow`), 2)
  t.equal(await toolsFor(`?until=${since}&tool=narrow`), 0)
  t.equal(await toolsFor(`?user_id=${owner.user_id}`, member.headers), 0, "a member never sees another's")
  const headers = { ...owner.headers, accept: 'application/x-ndjson' }
  const { body, headers: told } = await stage.app.inject({ url: '/v1/calls?limit=1&tool=narrow', headers })
  const lines = body.trim().split('\n')
  t.match(told, { 'content-type': /^application\/x-ndjson/ })
  t.same(
    lines.map((line) => JSON.parse(line).tool),
    ['narrow', 'narrow']
  )
  t.notMatch(body, /tenant_id|"mac"|"writer"/)
})

t.test('in strict mode a call is on record before its server is asked', async (t) => {
  const { app } = await stage.open({ AUDIT_MODE: 'strict' })
  let finish = () => {}
  recording.answer(({ id }, raw) => {
    const answer = JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } })
    finish = () => raw.writeHead(200, { 'content-type': 'application/json' }).end(answer)
    return undefined
  })
  const arrived = recording.nextCall()
  const made = callAt(app, 'strict')
  await arrived
  const [begun] = await list('?tool=strict')
  t.match(begun, { outcome: 'begun', provider_id: String, token_jti: String })
  finish()
  const { call_id } = (await made).json()
  t.equal(begun.id, call_id)
  const ended = await eventually(
    () => list('?tool=strict'),
    ([row]) => row.outcome === 'ok'
  )
  t.match(ended, [{ id: call_id }], 'and its intent is listed no longer')
  t.equal(ended.length, 1)

  const before = recording.requests().length
  await admin.query('begin')
  await admin.query('lock table call in access exclusive mode')
  const refused = await callAt(app, 'strict')
  await admin.query('rollback')
  t.match(
    { status: refused.statusCode, body: refused.json() },
    { status: 503, body: { code: 'recording_unavailable' } }
  )
  t.equal(recording.requests().length, before)
  await app.close()
  t.match(await verify(), /nothing was changed/)
})
