import { loadConfig, newId, openInstanceSecret, openPostgres } from '@onbehalf/service-kit'
import { eventually, freePort, runService, startService } from '@onbehalf/testkit'
import pg from 'pg'
import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { beginRow } from '../../src/calls/record.ts'
import { openChainKeys } from '../../src/chain/keys.ts'
import { createChains } from '../../src/chain/link.ts'
import { variables } from '../../src/config.ts'
import type { Database } from '../../src/database.ts'
import { openResources } from '../../src/resources.ts'
import { startStage } from '../stage.ts'

const stage = await startStage(t)
const { backends, devices, providers, recording, resources } = stage
const admin = new pg.Client({ connectionString: backends.adminDatabaseUrl })
await admin.connect()
await admin.query('set search_path to tool_invoker')
// Who can do anything at all to the database, as the service cannot.
await admin.query('set session_replication_role to replica')
const { db, close } = await openPostgres<Database>(resources.config.DATABASE_URL)
t.teardown(() => Promise.all([admin.end(), close()]))

const user = devices.makeToken()
const { tenant_id } = user
const { server_identifier } = providers.register({ tenant_id, server_url: recording.url, mode: 'off' })

/** Another replica, in a process of its own. */
const startReplica = async (more: Record<string, string> = {}) => {
  const port = await freePort()
  return startService('tool-invoker', {
    ...{ environment: stage.environment(more), port, logDirectory: backends.directory }
  })
}
type Replica = Awaited<ReturnType<typeof startReplica>>

const kill = async ({ pid, exited }: Replica) => {
  process.kill(pid, 'SIGKILL')
  await exited
}
/** Calls a tool; false where the replica was gone before it answered. */
const post = async ({ url }: Replica, tool: string): Promise<boolean> => {
  try {
    const answer = await fetch(`${url}/v1/tools/call`, {
      method: 'POST',
      headers: { ...user.headers, 'content-type': 'application/json' },
      body: JSON.stringify({ server_identifier, tool })
    })
    await answer.text()
    return answer.status === 200
  } catch {
    return false
  }
}
const recordsLike = async (start: string): Promise<{ tool: string; sequence: number; writer: string }[]> => {
  const { rows } = await admin.query(
    'select tool, sequence::int, writer from call where starts_with(tool, $1) order by writer, sequence',
    [start]
  )
  return rows
}
const verify = (...files: string[]) => runService('tool-invoker', ['audit-verify', ...files], stage.environment())

t.test('kill -9 in strict mode: whatever reached a server is on record', async (t) => {
  const replica = await startReplica({ AUDIT_MODE: 'strict' })
  const reached = new Set<string>()
  const { promise: many, resolve } = Promise.withResolvers<void>()
  recording.answer(({ tool }) => {
    reached.add(tool)
    if (reached.size === 40) resolve()
    // Half of them are under way when it is killed.
    return reached.size % 2 === 0 ? { content: [] } : undefined
  })
  const made = Array.from({ length: 60 }, (_, index) => post(replica, `strict-${index}`))
  await many
  await kill(replica)
  await Promise.all(made)
  const recorded = new Set((await recordsLike('strict-')).map(({ tool }) => tool))
  t.same(
    [...reached].filter((tool) => !recorded.has(tool)),
    []
  )
})

t.test('kill -9 in batched mode: no record between others is lost', async (t) => {
  const replica = await startReplica()
  recording.answer(() => ({ content: [] }))
  const answered: { tool: string; at: number }[] = []
  const { promise: many, resolve } = Promise.withResolvers<void>()
  const callOn = async (worker: number) => {
    for (let index = 0; await post(replica, `batched-${worker}-${index}`); index += 1) {
      answered.push({ tool: `batched-${worker}-${index}`, at: performance.now() })
      if (answered.length === 400) resolve()
    }
  }
  const working = Array.from({ length: 16 }, (_, worker) => callOn(worker))
  await many
  const killedAt = performance.now()
  await kill(replica)
  await Promise.all(working)
  const rows = await recordsLike('batched-')
  t.ok(rows.length > 0)
  t.same(
    rows.map(({ sequence }) => sequence),
    rows.map((_, index) => index + 1),
    'none is missing between others'
  )
  const recorded = new Set(rows.map(({ tool }) => tool))
  const lost = answered.filter(({ tool }) => !recorded.has(tool))
  const oldest = Math.max(0, ...lost.map(({ at }) => killedAt - at))
  t.comment(`${lost.length} of ${answered.length} records lost, the oldest answered ${oldest.toFixed(0)} ms before`)
})

t.test(
  'a replica that leaves cancels the calls that its time does not suffice for, and has them on record',
  async (t) => {
    const own = await openResources(loadConfig(variables, stage.environment({ SHUTDOWN_SECONDS: '1' })))
    const { promise: deleted, resolve: finishDeleting } = Promise.withResolvers<number>()
    // Postgres takes its time for what the replica does beside the calls.
    const idempotency = { ...own.idempotency, deleteExpired: () => deleted }
    const app = await buildApp({ ...own, idempotency })
    app.addHook('onClose', own.close)
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const patient = providers.register({ tenant_id, server_url: `${recording.url}?patient`, mode: 'off', timeout: 600 })
    recording.answer(() => undefined)
    const arrived = recording.nextCall()
    const told = fetch(`${url}/v1/tools/call`, {
      method: 'POST',
      headers: { ...user.headers, 'content-type': 'application/json' },
      body: JSON.stringify({ server_identifier: patient.server_identifier, tool: 'leaving' })
    })
    const { closed } = await arrived
    const left = app.close()
    const answer = await told
    finishDeleting(0)
    await left
    t.match(
      [answer.status, await answer.json()],
      [504, { code: 'upstream_timeout', message: /^This replica is leaving/ }]
    )
    await closed
    const { rows } = await admin.query("select outcome from call where tool = 'leaving'")
    t.same(rows, [{ outcome: 'upstream_timeout' }])
  }
)

t.test(
  'audit:verify finds what is whole, what was dropped as it should be, and what was done to the rest',
  async (t) => {
    // A second replica writes the same tenant's records, and states them when it leaves: it logs errors, and that.
    recording.answer(() => ({ content: [] }))
    const second = await startReplica()
    for (const tool of ['one', 'two', 'three', 'four', 'five']) t.ok(await post(second, tool))
    await second.stop()
    t.match(await verify(second.logFile), /^\d+ records in \d+ chains: nothing was changed, removed or added/)

    const { recordKey } = await openChainKeys((secret) => openInstanceSecret(db, resources.vault, secret))
    const principal = { ...user, kind: 'user', role: null, credential: { kind: 'device_token', id: newId() } } as const
    const [january, march] = [new Date(Date.UTC(2024, 0, 15)), new Date(Date.UTC(2024, 2, 15))]
    // What is in March follows nothing that nobody stated: that would not be dropped.
    for (const months of [
      [january, new Date()],
      [new Date(), march, new Date()]
    ]) {
      const link = createChains(recordKey, newId)
      for (const at of months) {
        await resources.calls.ensurePartitions(at)
        await resources.calls.insert([link(beginRow(principal, { server_identifier, tool: 'old', arguments: {} }, at))])
      }
    }
    t.match(await verify(), /^\d+ records in \d+ chains: nothing was changed, removed or added/)
    await admin.query('drop table call_2024_01')
    const leaving = await stage.open({ CALL_MONTHS: '1' })
    const findMarch = async () => {
      const { rows } = await admin.query("select to_regclass('call_2024_03') as march")
      return rows
    }
    t.same(await eventually(findMarch, ([row]) => row.march === null, 60), [{ march: null }])
    await leaving.app.close()
    const unstated = await verify().catch(String)
    t.match(unstated, /cut: the first 1 are gone/, 'dropped, and nobody had stated what was in it')
    t.notMatch(unstated, /removed/, 'stated before it was dropped')

    const { rows } = await admin.query("select writer from call where tool = 'five'")
    const at = (sequence: number) => `where writer = '${rows[0].writer}' and sequence = ${sequence}`
    await admin.query(`update call set outcome = 'tool_error' ${at(2)}`)
    await admin.query(`delete from call ${at(3)}`)
    await admin.query(`delete from call ${at(5)}`)
    const words = await verify().catch(String)
    for (const said of [/changed: 2 /, /removed: 3\n/, /shortened: it ends with 4, and a checkpoint says 5/])
      t.match(words, said)
    await admin.query('delete from call_checkpoint')
    t.notMatch(await verify().catch(String), /shortened/, 'the database does not know any more')
    t.match(await verify(second.logFile).catch(String), /shortened: it ends with 4, and a checkpoint says 5/)
  }
)
