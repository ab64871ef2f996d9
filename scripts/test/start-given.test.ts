import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import {
  freePort,
  inRepository,
  perService,
  randomPassword,
  readGiven,
  recordSecrets,
  startNats,
  startPostgres,
  startRedis,
  withClient
} from '@onbehalf/testkit'
import t, { type Test } from 'tap'
import { begin, ownDirectory } from './begin.ts'

type Urls = { DATABASE_URL: string; NATS_URL: string; REDIS_URL: string }

/** What `npm start -- --once` says of these URLs; it has to refuse them before it starts anything. */
const refusalOf = async (t: Test, urls: Partial<Urls>): Promise<string[]> => {
  const begun = begin(ownDirectory(t), ['--once'], urls)
  t.equal(await begun.end, 1)
  t.notMatch(begun.output(), /hidden/)
  return begun.output().trimEnd().split('\n').sort()
}

const urlsAt = (host: string): Urls => ({
  DATABASE_URL: `postgres://admin:hidden-password@${host}/postgres`,
  NATS_URL: `nats://admin:hidden-of-16-bytes-2947@${host}`,
  REDIS_URL: `redis://admin:hidden-password@${host}/0`
})

const lines = (host: string, verb: string, reason: string): RegExp[] => [
  new RegExp(`^NATS ${verb} \\(NATS_URL\\): tried nats://admin@${host}/?: .*${reason}`),
  new RegExp(`^Postgres ${verb} \\(DATABASE_URL\\): tried postgres://admin@${host}/postgres: .*${reason}`),
  new RegExp(`^Redis ${verb} \\(REDIS_URL\\): tried redis://admin@${host}/0: .*${reason}`)
]

/** What is wrong with these URLs by themselves. */
const mistakesIn = (urls: Partial<Urls>): string[] => {
  try {
    readGiven(urls)
    return []
  } catch (error) {
    return error instanceof Error ? error.message.split('\n') : []
  }
}

t.test('what is no URL, has another scheme or lacks a part is said for every variable at once', async (t) => {
  const cases: [Partial<Urls>, RegExp[]][] = [
    [
      { DATABASE_URL: 'hidden', NATS_URL: 'hidden', REDIS_URL: 'hidden' },
      [
        /^DATABASE_URL: must be a URL that starts with postgres:\/\/ or postgresql:\/\/$/,
        /^NATS_URL: must be nats:\/\/user:password@host:port, or /,
        /^REDIS_URL: must be a URL that starts with redis:\/\/ or rediss:\/\/$/
      ]
    ],
    [
      { DATABASE_URL: 'mysql://u:hidden@db', NATS_URL: 'https://u:hidden@bus', REDIS_URL: 'postgres://u:hidden@redis' },
      [/^DATABASE_URL: must be/, /^NATS_URL: must be/, /^REDIS_URL: must be/]
    ],
    [
      { DATABASE_URL: 'postgres:///hidden', NATS_URL: 'nats://u:hidden@bus', REDIS_URL: 'redis:///0' },
      [/^DATABASE_URL: must name a host$/, /^NATS_URL: its password is too short/, /^REDIS_URL: must name a host$/]
    ],
    [{ NATS_URL: 'nats://hidden@bus' }, [/^NATS_URL: must name a user and a password: nats:\/\/user:password@host/]],
    [{ NATS_URL: 'nats://u:hidden%zz@bus' }, [/^NATS_URL: its user or password has a % that/]]
  ]
  for (const [urls, expected] of cases) {
    const said = mistakesIn(urls)
    t.match(said.sort(), expected)
    t.notMatch(said.join('\n'), /hidden/)
  }
  const [[urls, expected] = [{}, []]] = cases
  t.match(await refusalOf(t, urls), expected)
})

t.test('servers that are not there are named, each with its variable and what was tried', async (t) => {
  const nowhere = `127.0.0.1:${await freePort()}`
  t.match(await refusalOf(t, urlsAt(nowhere)), lines(nowhere, 'does not answer', 'ECONNREFUSED|CONNECTION_REFUSED'))
  const unknown = 'nobody.invalid:1'
  t.match(await refusalOf(t, urlsAt(unknown)), lines(unknown, 'does not answer', 'ENOTFOUND|EAI_AGAIN'))
})

t.test('servers that take the connection and say nothing are given up', async (t) => {
  const port = await freePort()
  const silent = createServer((socket) => socket.on('error', () => {})).listen(port, '127.0.0.1')
  t.teardown(() => silent.close())
  await once(silent, 'listening')
  const host = `127.0.0.1:${port}`
  t.match(await refusalOf(t, urlsAt(host)), lines(host, 'does not answer', ''))
})

t.test('on servers of somebody else', async (t) => {
  const directory = ownDirectory(t)
  mkdirSync(join(directory, 'logs'))
  const passwords = perService(randomPassword)
  const password = randomPassword()
  recordSecrets([password, ...Object.values(passwords)])
  const logFile = (name: string) => join(directory, 'logs', `${name}.log`)
  const [postgres, nats, redis] = await Promise.all([
    startPostgres({ dataDirectory: join(directory, 'postgres'), logFile: logFile('postgres'), fsync: false }),
    startNats({
      configFile: inRepository('scripts/test/fixtures/nats-users.conf'),
      environment: { EVERYTHING_PASSWORD: password },
      logFile: logFile('nats')
    }),
    startRedis({ passwords, logFile: logFile('redis') })
  ])
  t.teardown(() => Promise.all([postgres, nats, redis].map((server) => server.stop())))
  await withClient(postgres.adminUrl, async (client) => {
    await client.query(`CREATE ROLE builder LOGIN CREATEDB CREATEROLE PASSWORD '${password}'`)
    await client.query(`CREATE ROLE guest LOGIN PASSWORD '${password}'`)
  })
  const urlsOf = (role: string, user: string, key: string): Urls => ({
    DATABASE_URL: `postgres://${role}:${key}@127.0.0.1:${postgres.port}/postgres`,
    NATS_URL: `nats://${user}:${key}@127.0.0.1:${nats.port}`,
    REDIS_URL: redis.adminUrl
  })

  await t.test('a wrong password is said by each', async (t) => {
    const REDIS_URL = `redis://admin:hidden@127.0.0.1:${redis.port}`
    const said = await refusalOf(t, { ...urlsOf('builder', 'everything', randomPassword()), REDIS_URL })
    t.match(said, [
      /^NATS refuses us \(NATS_URL\): tried nats:\/\/everything@.*Authorization Violation/,
      /^Postgres refuses us \(DATABASE_URL\): tried postgres:\/\/builder@.*password authentication failed/,
      /^Redis refuses us \(REDIS_URL\): tried redis:\/\/admin@.*WRONGPASS/
    ])
  })

  await t.test('a user without the rights is told which', async (t) => {
    const REDIS_URL = redis.urlFor('device-auth')
    t.match(await refusalOf(t, { ...urlsOf('guest', 'listener', password), REDIS_URL }), [
      /^NATS refuses us \(NATS_URL\): .*the user "listener" may not publish \S+ and \d+ more: give one that may/,
      /^Postgres refuses us \(DATABASE_URL\): .*the role "guest" may not create roles and databases: give one that may/,
      /^Redis refuses us \(REDIS_URL\): tried redis:\/\/device-auth@.*NOPERM/
    ])
  })

  await t.test('the story is told, as a role that may create roles and databases and is no superuser', async (t) => {
    const begun = begin(ownDirectory(t), ['--once'], urlsOf('builder', 'everything', password))
    t.equal(await begun.end, 0, begun.output())
    t.match(begun.output(), `using Postgres at postgres://builder@127.0.0.1:${postgres.port}/postgres (DATABASE_URL)`)
    t.match(begun.output(), /starting a demo IdP and two MCP servers/)
    t.notMatch(begun.output(), password)
  })
})
