import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { ReportedError } from '@onbehalf/errors'
import t from 'tap'
import { type App, callOptionsOf, redact } from '../src/index.ts'
import { createDirectory, startApp } from './app.ts'

const access = 'public' as const
const traceId = 'a'.repeat(32)
const token = `dfoa_${randomBytes(32).toString('base64url')}`
const apiKey = `obk_${randomBytes(32).toString('base64url')}`
const jwt = `eyJhbGciOiJFUzI1NiJ9.${Buffer.from('{"sub":"hunter2"}').toString('base64url')}.${randomBytes(64).toString('base64url')}`
const opaque = randomBytes(24).toString('base64url')

/** Ways in which a library says more than it should. */
const leaks = [
  `Authorization: Bearer ${opaque}`,
  `authorization: Basic ${opaque}`,
  `DPoP ${opaque}`,
  `no row for ${token} or ${apiKey}`,
  `got ${jwt}, expected another`,
  `Cookie: __Host-onbehalf_session=${jwt}; other=1`,
  `Cookie: __Secure-onbehalf_renewal=${opaque}; other=1`,
  `set-cookie: __Secure-onbehalf_renewal=${opaque}`,
  `POST /token refresh_token=${opaque}&grant_type=refresh_token`,
  `{"access_token":"${opaque}","id_token": "${opaque}"}`,
  `client_secret: '${opaque}'`,
  `https://a.example/callback?code=${opaque}&state=${opaque}`,
  `postgres://broker:${opaque}@127.0.0.1/onbehalf`,
  `redis://:${opaque}@127.0.0.1`,
  `password=${opaque}`
]
const isClean = (text: string) => ![token, apiKey, jwt, opaque].some((secret) => text.includes(secret.slice(-20)))

const routes = (app: App) => {
  app.get('/ok', { config: { access } }, async () => ({}))
  app.get('/things/:id', { config: { access } }, async () => ({}))
  app.get('/leak/:index', { config: { access } }, async (request) => {
    const { index } = JSON.parse(JSON.stringify(request.params))
    const words = leaks[Number(index)] ?? ''
    const error = new Error(words, { cause: new Error(`because ${words}`, { cause: words }) })
    throw Object.assign(error, { request: { headers: { authorization: words } }, body: words })
  })
  app.get('/refused', { config: { access } }, async () => {
    throw new ReportedError('unavailable', 'Not now.', { cause: new Error(`tried ${leaks[0]}`) })
  })
  app.get('/objects', { config: { access } }, async (request) => {
    const names = { authorization: opaque, cookie: opaque, 'set-cookie': opaque, token: opaque, refresh_token: opaque }
    const others = {
      access_token: opaque,
      client_secret: opaque,
      device_code: opaque,
      user_code: opaque,
      password: opaque
    }
    request.log.warn({ ...names, ...others, nested: { ...names, ...others } }, 'objects')
    return {}
  })
  app.get('/trace', { config: { access } }, async (request) => callOptionsOf(request))
}
const parsed = (logs: string[]) => logs.map((line) => JSON.parse(line))

t.test('an answered request is one line, without its query', async (t) => {
  const { app, logs } = await startApp(t, { routes, logLevel: 'info' })
  await app.inject({
    url: `/things/7?token=${token}&code=${opaque}`,
    headers: { cookie: `a=${opaque}`, authorization: `Bearer ${token}` }
  })
  t.equal(logs.length, 1)
  t.match(parsed(logs)[0], {
    level: 'info',
    service: 'test-service',
    method: 'GET',
    route: '/things/:id',
    status: 200,
    ip: '127.0.0.1'
  })
  t.match(parsed(logs)[0], { time: /^\d{4}-\d\d-\d\dT.*Z$/, ms: Number, reqId: String, msg: 'answered' })
  await app.inject(`/nothing/${token}?code=${opaque}`)
  t.equal(logs.length, 2)
  t.ok(isClean(logs.join()), 'neither path nor query of what is not there')
})

t.test('a refused request is its line and the reason, at the level of who must act', async (t) => {
  const { app, logs } = await startApp(t, {
    routes,
    logLevel: 'info',
    authenticators: createDirectory().authenticators
  })
  await app.inject('/refused')
  t.same(
    parsed(logs).map(({ level, msg }) => [level, msg]),
    [
      ['warn', 'refused'],
      ['info', 'answered']
    ]
  )
  const [refused, answered] = parsed(logs).map((line) =>
    Object.entries(line).map(([name, value]) => [name, typeof value])
  )
  t.same(answered?.slice(0, 4), refused?.slice(0, 4), 'both begin alike')
  const [{ err }] = parsed(logs)
  t.match(err, { name: 'ReportedError', code: 'unavailable', cause: { name: 'Error', stack: / at .*logs\.test\.ts/ } })
  t.notOk(err.stack, 'where it comes from is what is behind it')
  logs.length = 0
  await app.inject('/leak/0')
  t.match(parsed(logs)[0], { err: { stack: / at / } })
  t.same(
    parsed(logs).map(({ level }) => level),
    ['error', 'info']
  )
})

t.test(
  'what has the form of a credential is in no line, neither in an error nor in its causes nor beside it',
  async (t) => {
    const { app, logs } = await startApp(t, { routes })
    for (const [index, words] of leaks.entries()) {
      logs.length = 0
      await app.inject(`/leak/${index}`)
      t.ok(logs.some((line) => line.includes('because')))
      t.ok(isClean(logs.join()), words.slice(0, 24))
      t.ok(isClean(redact(words)))
    }
    logs.length = 0
    await app.inject('/objects')
    t.ok(logs.some((line) => line.includes('[redacted]')))
    t.ok(isClean(logs.join()))
  }
)

t.test('a text without end takes no time, and no half of a credential is left where it is cut', async (t) => {
  const before = process.cpuUsage()
  for (const endless of ['a', '-eyJabcd', 'a://', 'cookie:', 'code ']) redact(endless.repeat(30_000))
  // Where each place is compared with all behind it these take ten seconds.
  t.ok(process.cpuUsage(before).user < 1_000_000)
  for (const words of leaks)
    for (const lead of [7_600, 7_900, 8_100]) {
      const text = `${'so '.repeat(lead / 3)}${words} and so on${' and on'.repeat(1_000)}`
      for (let at = 0; at < 90; at += 1) {
        const told = redact(`${'.'.repeat(at)} ${text}`)
        if (told.includes(opaque.slice(0, 8))) t.fail(`${words.slice(0, 24)} is cut in half`)
      }
    }
})

t.test('what is no credential stays readable', async (t) => {
  for (const words of [
    'connect ECONNREFUSED 127.0.0.1:5432',
    'the code was 7 lines',
    'nats://127.0.0.1:4222',
    'status code 500'
  ])
    t.equal(redact(words), words)
})

t.test('lines that wait to be written together are not lost when the process ends', async (t) => {
  const output = new URL('../src/log-output.ts', import.meta.url).href
  const write = `import { standardOutput } from '${output}'; for (const line of [1, 2]) standardOutput().write(line + '\\n');`
  for (const ends of ['process.exit(1)', "throw new Error('a bug')", '']) {
    const args = ['--input-type=module', '--eval', write + ends]
    t.equal(spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout, '1\n2\n', ends)
  }
})

const isLinux = process.platform === 'linux'
t.test(
  'a slow reader of the log is waited for as long as it takes',
  { skip: isLinux ? false : 'no /proc' },
  async (t) => {
    const output = new URL('../src/log-output.ts', import.meta.url).href
    const told = `import { readFileSync } from 'node:fs'; import { standardOutput } from '${output}'
    standardOutput().write('line\\n')
    process.stderr.write(readFileSync('/proc/self/fdinfo/1', 'utf8'))`
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', told], {
      encoding: 'utf8'
    })
    t.equal(stdout, 'line\n')
    const [, flags = ''] = /^flags:\s*([0-7]+)$/m.exec(stderr) ?? []
    const isNonBlocking = (Number.parseInt(flags, 8) & constants.O_NONBLOCK) !== 0
    t.equal(isNonBlocking, false, `${flags}: pino sleeps for 100 ms where a write would have to wait`)
  }
)

t.test("the caller's trace goes through, and is made where there is none", async (t) => {
  const { app, logs } = await startApp(t, { routes, logLevel: 'info' })
  const before = Date.now()
  const asked = await app.inject({ url: '/trace', headers: { traceparent: `00-${traceId}-${'b'.repeat(16)}-01` } })
  const after = Date.now()
  t.equal(asked.headers['x-request-id'], traceId)
  t.match(asked.json().traceparent, new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
  const { deadlineAt } = asked.json()
  t.ok(before + 30_000 <= deadlineAt && deadlineAt <= after + 30_000)
  t.equal(parsed(logs)[0].reqId, traceId)
  for (const traceparent of ['', 'x', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`, `00-${traceId}\n-x-01`]) {
    const made = await app.inject({ url: '/trace', headers: { traceparent, 'x-request-id': 'mine' } })
    t.match(made.headers['x-request-id'], /^[0-9a-f]{32}$/)
    t.not(made.headers['x-request-id'], traceId)
  }
})
