import { randomBytes } from 'node:crypto'
import { freePort, inRepository, type ServiceName, serviceNames } from '@onbehalf/testkit'
import t, { type Test } from 'tap'
import { loadConfig, openBus, openPostgres, openRedis, type Variables } from '../src/index.ts'
import { type Ended, occupy, openEnvironments, runMain } from './main.ts'

const { environmentOf, secretsOf } = await openEnvironments(t)
const names = { DATABASE_URL: 'Postgres', NATS_URL: 'NATS', REDIS_URL: 'Redis' } as const
type Variable = keyof typeof names

/** What this service's own configuration reads. */
const variablesOf = async (service: ServiceName): Promise<Variables> => {
  const { variables }: { variables: Variables } = await import(inRepository(`services/${service}/src/config.ts`))
  return variables
}

const dependenciesOf = async (service: ServiceName): Promise<Variable[]> => {
  const variables = await variablesOf(service)
  return (['DATABASE_URL', 'NATS_URL', 'REDIS_URL'] as const).filter((name) => name in variables)
}

/** The same URL, changed. */
const changed = (url: string | undefined, change: (url: URL) => void): string => {
  const copy = new URL(url ?? '')
  change(copy)
  return copy.href
}

const isRefused = (t: Test, ended: Ended, environment: Record<string, string>, line: RegExp) => {
  t.equal(ended.code, 1, ended.stderr)
  t.match(ended.stderr, line)
  t.equal(ended.stderr.split('\n').length, 2, 'one line')
  t.equal(ended.stdout, '')
  for (const secret of secretsOf(environment)) t.notOk(ended.stderr.includes(secret), 'no password')
}

t.test('every service names each dependency that is not there, its variable and what was tried', async (t) => {
  const tried: string[] = []
  // One after the other: what is there has to answer in time.
  for (const service of serviceNames)
    for (const variable of await dependenciesOf(service)) {
      const port = await freePort()
      const url = changed(environmentOf(service)[variable], (copy) => Object.assign(copy, { port }))
      const environment = { ...environmentOf(service), [variable]: url }
      const words = `^${service}: ${names[variable]} does not answer \\(${variable}\\): tried \\w+://\\S*:${port}\\S*: .+\n$`
      isRefused(t, await runMain(service, [], environment), environment, new RegExp(words))
      tried.push(variable)
    }
  t.same(tried.sort(), [...Array(4).fill('DATABASE_URL'), ...Array(4).fill('NATS_URL'), ...Array(4).fill('REDIS_URL')])
})

t.test('one that takes the connection and says nothing is not waited for without end', async (t) => {
  const host = `127.0.0.1:${await occupy(t)}`
  const cases = [
    ['DATABASE_URL', `postgres://u@${host}/x`],
    ['REDIS_URL', `redis://u@${host}`],
    // The second is only asked when the first was given up.
    ['NATS_URL', `nats://${host},nats://${host}`]
  ] as const
  await Promise.all(
    cases.map(async ([variable, url]) => {
      const environment = { ...environmentOf('device-auth'), [variable]: url }
      const words = `^device-auth: ${names[variable]} does not answer \\(${variable}\\): tried ${url.replace(',', ', ')}: .*(time|no answer)`
      isRefused(t, await runMain('device-auth', [], environment), environment, new RegExp(words, 'i'))
    })
  )
})

t.test('one that refuses the password, the user or the database says so itself', async (t) => {
  const service = 'device-auth'
  const { DATABASE_URL, REDIS_URL = '', NATS_URL: url = '' } = environmentOf(service)
  const password = randomBytes(24).toString('base64url')
  const wrong = (good: string | undefined) => changed(good, (copy) => Object.assign(copy, { password }))
  const refusals: [() => Promise<unknown>, RegExp][] = [
    [
      () => openPostgres(wrong(DATABASE_URL)),
      /^Postgres refuses us \(DATABASE_URL\): .* password authentication failed/
    ],
    [() => openPostgres(`${DATABASE_URL}-not`), /^Postgres refuses us \(DATABASE_URL\): .*-not" does not exist/],
    [() => openRedis(wrong(REDIS_URL)), /^Redis refuses us \(REDIS_URL\): .* WRONGPASS/],
    [
      () => openBus({ service, url, user: service, password }),
      /^NATS refuses us \(NATS_URL\): .*Authorization Violation/
    ]
  ]
  for (const [open, message] of refusals) {
    const words = await open().then(String, ({ message }: Error) => message)
    t.match(words, message)
    t.notMatch(words, password)
  }
})

t.test('several NATS servers are all named, a host name has its reason, and a token is not shown', async (t) => {
  const [one, two] = [await freePort(), await freePort()]
  const opened = (url: string) => openBus({ service: 'mcp-provider', url, user: 'u', password: 'p' })
  const several = opened(`nats://u:hunter2@127.0.0.1:${one},nats://127.0.0.1:${two}`)
  await t.rejects(several, { message: `tried nats://u@127.0.0.1:${one}, nats://127.0.0.1:${two}: ` })
  const message = /^[^2]* tried nats:\/\/nobody\.invalid:4222: [^2]*(ENOTFOUND|EAI_AGAIN)[^2]*$/
  await t.rejects(opened('nats://hunter2@nobody.invalid'), { message })
  const local = openPostgres(`postgres://u:hunter2@localhost:${one}/x`)
  await t.rejects(local, { message: /tried postgres:\/\/u@localhost:\d+\/x: .*ECONNREFUSED/ })
})

t.test('a schema that is not there yet and a port that is taken are said with what to do', async (t) => {
  const environment = environmentOf('device-auth')
  const busy = await runMain('device-auth', [], { ...environment, PORT: String(await occupy(t)) })
  t.match(busy, { code: 1, stderr: `device-auth: cannot listen (HOST, PORT): listen EADDRINUSE` })
  const DATABASE_URL = changed(environment['DATABASE_URL'], ({ searchParams }) =>
    searchParams.set('options', '-c search_path=pg_temp')
  )
  const bare = await runMain('device-auth', [], { ...environment, DATABASE_URL })
  t.match(bare, {
    code: 1,
    stderr: /^device-auth: Postgres \(DATABASE_URL\) has not all .*run "migrate" first: relation/
  })
})

const mistakesOf = async (service: ServiceName, given: Record<string, string>): Promise<string> => {
  try {
    loadConfig(await variablesOf(service), given)
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
}

t.test('every service tells all wrong values at once, refuses weak secrets, and shows none', async (t) => {
  const wrong = 'hunter2 hunter2'
  for (const service of serviceNames) {
    const variables = await variablesOf(service)
    const takesAnything = ['HOST', 'NATS_USER', 'DEVICE_CLIENT_IDS', 'LICENCE_STATE']
    const checked = Object.keys(variables).filter((name) => !takesAnything.includes(name))
    const mistakes = await mistakesOf(service, Object.fromEntries(Object.keys(variables).map((name) => [name, wrong])))
    t.same(
      mistakes
        .split('\n')
        .map((line) => line.split(':')[0])
        .sort(),
      checked.sort(),
      service
    )
    t.notMatch(mistakes, wrong)
    const secrets = checked.filter((name) => variables[name]?.isSecret && !name.endsWith('_URL'))
    t.ok(secrets.length > 0)
    for (const weak of ['', 'changeme', 'changeme'.repeat(6), `k1:${Buffer.alloc(32).toString('base64')}`])
      for (const name of secrets) {
        const told = await mistakesOf(service, { ...environmentOf(service), [name]: weak })
        t.match(told, new RegExp(`^${name}`), `${service} ${name}`)
        t.notOk(weak !== '' && told.includes(weak))
      }
  }
})
