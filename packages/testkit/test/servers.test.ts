import { fork } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import t from 'tap'
import {
  ensureDatabase,
  eventually,
  findProgram,
  freePort,
  isAlive,
  missingProgramLine,
  processTable,
  readTestRun,
  removePostgresDirectory,
  startCaddy,
  startPostgres,
  startProcess,
  until,
  withDatabase
} from '../src/index.ts'

const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const directory = mkdtempSync(join(readTestRun().directory, 'servers-'))
chmodSync(directory, 0o711)
t.teardown(() => rmSync(directory, { recursive: true }))

const survivors = (pids: number[]): Promise<number[]> =>
  eventually(
    () => pids.filter(isAlive),
    ({ length }) => length === 0,
    60
  )

/** These processes and all that came from them: Postgres has workers. */
const withDescendants = (pids: number[]): number[] => {
  const all = new Set(pids)
  const table = processTable().sort((one, other) => one.pid - other.pid)
  for (const { pid, parent } of table) if (all.has(parent)) all.add(pid)
  return [...all]
}

const holdServers = async () => {
  const args = [mkdtempSync(join(directory, 'hold-')), beside('nats.fixture.conf'), beside('caddy.fixture.caddyfile')]
  chmodSync(args[0] ?? '', 0o711)
  const parent = fork(beside('hold-servers.fixture.ts'), args, { execArgv: [], stdio: 'inherit' })
  const [servers]: number[][] = await once(parent, 'message')
  // Postgres starts its workers as it goes on; what served who asked whether it is ready is on its way out.
  const pids = await eventually(
    () => withDescendants(servers ?? []),
    ({ length }) => length > 8
  )
  return { parent, servers: servers ?? [], pids }
}

t.test('servers that are stopped leave no process', async (t) => {
  const { parent, servers, pids } = await holdServers()
  t.ok(pids.length > 8, 'Postgres with its workers, Redis, NATS, Caddy, a watched process')
  t.strictSame(servers.filter(isAlive), servers)
  parent.send('stop')
  await once(parent, 'exit')
  t.strictSame(await survivors(pids), [])
})

t.test('a parent killed with -9 leaves no process', async (t) => {
  const { parent, pids } = await holdServers()
  parent.kill('SIGKILL')
  t.strictSame(await survivors(pids), [])
})

t.test('Postgres keeps its data and its password, also in a directory that others may not enter', async (t) => {
  const closed = mkdtempSync(join(directory, 'closed-'))
  const options = { dataDirectory: join(closed, 'postgres'), logFile: join(closed, 'postgres.log'), fsync: false }
  const first = await startPostgres(options)
  await ensureDatabase(first.adminUrl, 'kept')
  await first.stop()

  const second = await startPostgres({ ...options, port: first.port })
  t.equal(second.adminUrl, first.adminUrl)
  const client = new Client({ connectionString: withDatabase(second.adminUrl, 'kept') })
  await client.connect()
  await client.end()
  await second.stop()

  removePostgresDirectory(options.dataDirectory)
  t.notOk(existsSync(options.dataDirectory))
})

t.test('a program that ends while starting is told with its own last words', async (t) => {
  const logFile = join(directory, 'broken.log')
  const broken = { name: 'Broken', command: 'sh', args: ['-c', 'echo no such disk; exit 3'], logFile }
  await t.rejects(startProcess({ ...broken, isReady: async () => false }), {
    message: /^Broken ended while starting \(exit code 3\)\nno such disk\n/
  })
})

t.test('a program that never gets ready is given up and stopped', async (t) => {
  const logFile = join(directory, 'sleeper.log')
  const sleeper = { name: 'Sleeper', command: 'sh', args: ['-c', 'echo $$; exec sleep 600'], logFile }
  // Not asked for longer than that, once it has said which process it is.
  const isReady = async () => {
    await until(() => readFileSync(logFile, 'utf8').includes('\n'), 60)
    return false
  }
  const started = startProcess({ ...sleeper, isReady, readySecondsMax: 0.3 })
  await t.rejects(started, { message: /^Sleeper was not ready within 0.3 s/ })
  t.strictSame(await survivors([Number(readFileSync(logFile, 'utf8'))]), [])
})

t.test('a program that ignores SIGTERM is killed', async (t) => {
  const stubborn = ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done']
  const logFile = join(directory, 'stubborn.log')
  const isReady = async () => readFileSync(logFile, 'utf8').includes('ready')
  const running = await startProcess({
    name: 'S',
    command: 'sh',
    args: stubborn,
    logFile,
    isReady,
    stopSecondsMax: 0.2
  })
  await running.stop()
  t.notOk(running.isRunning())
})

t.test('a missing program is told in one line with every way out', async (t) => {
  const missing = findProgram('nats-server', { path: '', mayInstall: false })
  await t.rejects(missing, { message: missingProgramLine('nats-server') })
  for (const way of ['NATS_URL', 'brew install nats-server', 'docker compose up']) {
    t.match(missingProgramLine('nats-server'), way)
  }
  t.match(missingProgramLine('redis-server'), 'REDIS_URL')
  t.match(missingProgramLine('postgres'), 'DATABASE_URL')
  t.notMatch(missingProgramLine('caddy'), '\n')
})

t.test('a gateway with an unset variable does not start', async (t) => {
  const port = await freePort()
  const files = { dataDirectory: join(directory, 'caddy'), logFile: join(directory, 'caddy.log') }
  const started = startCaddy({ configFile: beside('caddy.fixture.caddyfile'), environment: {}, port, ...files })
  await t.rejects(started, { message: /needs PORT$/ })
})
