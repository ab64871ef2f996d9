import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { dieWithParent, freePort, until, withDeathSignal } from '@onbehalf/testkit'
import t from 'tap'
import { mainOf, occupy, openEnvironments, runMain } from './main.ts'

const { environmentOf } = await openEnvironments(t)

t.test('wrong values are told all at once, a line each', async (t) => {
  const wrong = {
    ...environmentOf('mcp-provider'),
    PUBLIC_URL: 'nowhere',
    NATS_PASSWORD: 'changeme',
    MASTER_KEYS: 'hunter2',
    PORT: 'x'
  }
  const { code, stderr } = await runMain('mcp-provider', [], wrong)
  t.equal(code, 1)
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
    t.match(await runMain('tool-invoker', [command], {}), {
      code: 1,
      stderr: `tool-invoker: there is no command "${command}": use none, migrate, rewrap-keys, audit-verify or migrate down\n`
    })
  t.match((await runMain('identity-broker', ['x'], {})).stderr, /use none, migrate, bootstrap, .*or migrate down/)
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

t.test('while it waits for its servers it lives, is not ready, and sends everybody away for a moment', async (t) => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const DATABASE_URL = `postgres://u@127.0.0.1:${await occupy(t)}/x`
  const env = { ...environmentOf('mcp-provider'), DATABASE_URL, PORT: String(port) }
  const ended = runMain('mcp-provider', [], env)
  await until(() =>
    fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false
    )
  )
  const ready = await fetch(`${url}/readyz`)
  t.match([ready.status, await ready.json()], [503, { status: 'starting' }])
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  const asked = await fetch(`${url}/v1/mcp-providers`, { headers: { traceparent } })
  t.equal(asked.headers.get('retry-after'), '1')
  t.match([asked.status, await asked.json()], [503, { code: 'unavailable', status: 503, request_id: 'a'.repeat(32) }])
  t.match(await ended, { code: 1, stderr: /Postgres does not answer/ })
})

t.test('SIGTERM finishes the request that runs, takes no more, and ends with 0', async (t) => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const env = { ...environmentOf('mcp-provider'), PORT: String(port) }
  const program = withDeathSignal({ command: process.execPath, args: [mainOf('mcp-provider')] }, 'SIGKILL')
  const child = spawn(program.command, program.args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  dieWithParent(child, 'SIGKILL')
  const logs: Buffer[] = []
  const { promise: listening, resolve: tell } = Promise.withResolvers<void>()
  child.stdout.on('data', (chunk) => {
    logs.push(chunk)
    if (Buffer.concat(logs).includes('Server listening')) tell()
  })
  const exited = once(child, 'exit')
  const answers = (path: string) =>
    fetch(`${url}${path}`).then(
      ({ ok }) => ok,
      () => false
    )
  await listening
  await until(() => answers('/readyz'))
  // A request whose body is on its way: the service has begun with it and cannot answer yet.
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  const ended = new Promise((resolve) => socket.once('close', resolve))
  const head = ['POST /nothing HTTP/1.1', 'Host: a', 'Content-Type: application/json', 'Content-Length: 2']
  socket.write([...head, 'Expect: 100-continue', '', '{'].join('\r\n'))
  await until(() => Buffer.concat(chunks).includes('100 Continue\r\n\r\n'))
  child.kill('SIGTERM')
  await until(async () => !(await answers('/healthz')))
  t.equal(child.exitCode, null, 'it waits for the request')
  socket.write('}')
  t.same(await exited, [0, null])
  await ended
  t.match(Buffer.concat(chunks).toString(), /HTTP\/1\.1 404 [\s\S]*"code":"not_found"/)
  t.match(Buffer.concat(logs).toString(), /"signal":"SIGTERM".*"leaving"/)
})
