import { createSecretKey } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newId } from '@onbehalf/service-kit'
import { eventually } from '@onbehalf/testkit'
import t from 'tap'
import { beginRow } from '../../src/calls/record.ts'
import { readCheckpoint } from '../../src/chain/checkpoint.ts'
import { hmacWith } from '../../src/chain/hmac.ts'
import { keepCheckpoints } from '../../src/chain/keep-checkpoints.ts'
import { beginning, macOf } from '../../src/chain/link.ts'
import { chainStore } from '../../src/chain/store.ts'
import { testMonths } from './chain/months.ts'
import { startSetting } from './chain/setting.ts'

const setting = await startSetting(t)
const { stage, admin, db, chainKeys, write, verify, verifyAfter } = setting
const { broker, providers, recording } = stage

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
  for (const subject of ["'x'", 'null'])
    t.match(await verifyAfter([`update call set subject = ${subject} ${at(3)}`]), said('changed: 3 \\([\\w-]+\\)'))
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
    // Read first, so that its 2,000 are the first.
    const first = '00000000-0000-0000-0000-000000000001'
    await write(
      first,
      Array.from({ length: 2_001 }, () => new Date())
    )
    t.match(await verify(), /nothing was changed/)
    const copy = (sequence: number, more: string) =>
      `insert into call select (json_populate_record(c, ${more})).* from call c
      where tenant_id = '${first}' and sequence = ${sequence}`
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

testMonths(setting)

t.test('a record of before there was a column for something still follows the one before it', async (t) => {
  const hmac = hmacWith(createSecretKey(Buffer.alloc(32)))
  const id = '01900000-0000-7000-8000-000000000000'
  const credential = { kind: 'session', id } as const
  const principal = { kind: 'user', tenant_id: id, user_id: id, role: null, credential } as const
  const begun = beginRow(principal, { server_identifier: 'a', tool: 'x', arguments: {} }, new Date(0))
  const times = { started_at: '1970-01-01T00:00:00.000Z', finished_at: '1970-01-01T00:00:00.000Z' }
  const row = { ...begun, ...times, id, audience: 'https://a.example', writer: id, sequence: 1 }
  // As they were made before `tool_hash`, and then before `subject`.
  t.equal(macOf(hmac, beginning, row), 'KCujc1-oX4TOUkv4j66e5kUyKqvHcysNR0x0WJ2kXow')
  t.equal(
    macOf(hmac, beginning, { ...row, tool_hash: 'h', arguments: 'sealed' }),
    'A_8OJjFAhy1r11H8nH3NMFRgrf5EwgR2qL_r3cAYe_E'
  )
})

t.test('what was written is stated while its replica runs, and only what came since', async (t) => {
  const now = new Date()
  const [first, second, third] = await write(newId(), [now, now, now])
  if (!first || !second || !third) throw new Error('three records were written')
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
