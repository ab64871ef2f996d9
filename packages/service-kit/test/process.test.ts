import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  dieWithParent,
  freePort,
  recordSecrets,
  type ServiceName,
  startBackends,
  withDeathSignal
} from '@onbehalf/testkit'
import t from 'tap'
import { mainOf, runMain } from './main.ts'

const backends = await startBackends(t)
const masterKey = randomBytes(32).toString('base64')
recordSecrets([masterKey])
const environmentOf = (service: ServiceName): Record<string, string> => ({
  ...backends.environmentFor(service),
  PUBLIC_URL: 'http://127.0.0.1:4000',
  MASTER_KEYS: `k1:${masterKey}`,
  PORT: '0'
})
const secretsOf = (environment: Record<string, string>): string[] =>
  Object.values(environment)
    .flatMap((value) => /:([^:@/]{12,})@/.exec(value)?.[1] ?? [])
    .concat(masterKey)

/** The same URL, on a port where nobody is. */
const closed = async (url = '') => {
  const moved = new URL(url)
  moved.port = String(await freePort())
  return { url: moved.href, host: moved.host }
}

t.test('a dependency that does not answer is one line that names it, its variable and what was tried', async (t) => {
  const cases = [
    ['mcp-provider', 'DATABASE_URL', 'Postgres'],
    ['mcp-provider', 'NATS_URL', 'NATS'],
    ['device-auth', 'REDIS_URL', 'Redis']
  ] as const
  for (const [service, variable, name] of cases) {
    const environment = environmentOf(service)
    const { url, host } = await closed(environment[variable])
    const { code, stdout, stderr, seconds } = await runMain(service, [], { ...environment, [variable]: url })
    t.equal(code, 1, name)
    t.ok(seconds < 10, `${name}: ${seconds} s`)
    t.match(
      stderr,
      new RegExp(`^${service}: ${name} does not answer \\(${variable}\\): tried \\w+://\\S*${host}\\S*: .+\\n$`)
    )
    t.equal(stdout, '')
    for (const secret of secretsOf(environment)) t.notOk(stderr.includes(secret), `${name}: no password`)
  }
})

t.test('several NATS servers are all named, and a host name has its reason', async (t) => {
  const [one, two] = [await freePort(), await freePort()]
  const urls = `nats://u:hunter2@127.0.0.1:${one},127.0.0.1:${two}`
  const { stderr } = await runMain('mcp-provider', [], { ...environmentOf('mcp-provider'), NATS_URL: urls })
  t.ok(stderr.includes(`tried nats://u@127.0.0.1:${one}, 127.0.0.1:${two}: `), stderr)
  t.notMatch(stderr, /hunter2/)
  const { host } = await closed('postgres://127.0.0.1')
  const url = `postgres://u:hunter2@localhost:${host.split(':')[1]}/x`
  const local = await runMain('mcp-provider', [], { ...environmentOf('mcp-provider'), DATABASE_URL: url })
  t.match(local.stderr, /tried postgres:\/\/u@localhost:\d+\/x: .*ECONNREFUSED/)
})

t.test('a password that is refused names what refused it', async (t) => {
  const NATS_PASSWORD = randomBytes(24).toString('base64url')
  const environment = { ...environmentOf('mcp-provider'), NATS_PASSWORD }
  const { code, stderr } = await runMain('mcp-provider', [], environment)
  t.equal(code, 1)
  t.match(stderr, /^mcp-provider: NATS does not answer \(NATS_URL\).*\n$/)
  t.notOk(stderr.includes(NATS_PASSWORD))
})

t.test('wrong values are told all at once, a line each', async (t) => {
  const wrong = {
    ...environmentOf('mcp-provider'),
    PUBLIC_URL: 'nowhere',
    NATS_PASSWORD: 'changeme',
    MASTER_KEYS: 'hunter2',
    PORT: 'x'
  }
  const { code, stderr, seconds } = await runMain('mcp-provider', [], wrong)
  t.equal(code, 1)
  t.ok(seconds < 5)
  const lines = stderr.trimEnd().split('\n')
  t.same(lines.map((line) => /^mcp-provider: (\w+):/.exec(line)?.[1]).sort(), [
    'MASTER_KEYS',
    'NATS_PASSWORD',
    'PORT',
    'PUBLIC_URL'
  ])
  t.notMatch(stderr, /changeme|hunter2|nowhere/)
})

t.test('an unknown command is said before anything else, with those there are', async (t) => {
  for (const command of ['migrat', 'toString'])
    t.match(await runMain('mcp-provider', [command], {}), {
      code: 1,
      stderr: `mcp-provider: there is no command "${command}": use none, migrate or migrate down\n`
    })
  t.match((await runMain('identity-broker', ['x'], {})).stderr, /use none, migrate, bootstrap or migrate down/)
  t.match(await runMain('mcp-provider', ['migrate', 'sideways'], {}), {
    code: 1,
    stderr: /use migrate or migrate down/
  })
})

t.test('a migration reads the database URL alone', async (t) => {
  const { DATABASE_URL = '' } = environmentOf('mcp-provider')
  t.match(await runMain('mcp-provider', ['migrate'], { DATABASE_URL }), { code: 0, stdout: 'nothing to migrate\n' })
  t.match(await runMain('mcp-provider', ['migrate'], {}), { code: 1, stderr: /DATABASE_URL: is not set/ })
})

t.test('SIGTERM finishes the request that runs, takes no more, and ends with 0', async (t) => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const env = { ...environmentOf('mcp-provider'), PORT: String(port) }
  const program = withDeathSignal({ command: process.execPath, args: [mainOf('mcp-provider')] }, 'SIGKILL')
  const child = spawn(program.command, program.args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  dieWithParent(child, 'SIGKILL')
  const logs: Buffer[] = []
  child.stdout.on('data', (chunk) => logs.push(chunk))
  const exited = once(child, 'exit')
  const answers = (path: string) =>
    fetch(`${url}${path}`).then(
      ({ ok }) => ok,
      () => false
    )
  while (!(await answers('/readyz'))) await sleep(20)
  // A request whose body is on its way: the service has begun with it and cannot answer yet.
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  const ended = new Promise((resolve) => socket.once('close', resolve))
  socket.write('POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{')
  await (await fetch(`${url}/healthz`)).text()
  child.kill('SIGTERM')
  while (await answers('/healthz')) await sleep(5)
  t.equal(child.exitCode, null, 'it waits for the request')
  socket.write('}')
  t.same(await exited, [0, null])
  await ended
  t.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 404 [\s\S]*"code":"not_found"/)
  t.match(Buffer.concat(logs).toString(), /"signal":"SIGTERM".*"leaving"/)
})
