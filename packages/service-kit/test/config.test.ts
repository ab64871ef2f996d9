import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  baseVariables,
  ConfigError,
  integer,
  loadConfig,
  masterKeysVariable,
  portVariable,
  redisVariable,
  strongSecret,
  type Variables
} from '../src/index.ts'

const variables = {
  ...baseVariables,
  PORT: portVariable(4001),
  MASTER_KEYS: masterKeysVariable,
  REDIS_URL: redisVariable,
  SIGNING_SECRET: strongSecret()('Signs something.', { isSecret: true })
}
const password = randomBytes(24).toString('base64url')
const masterKey = () => `k1:${randomBytes(32).toString('base64')}`
const good = () => ({
  PUBLIC_URL: 'https://onbehalf.example.com',
  DATABASE_URL: `postgres://broker:${password}@127.0.0.1/onbehalf`,
  NATS_USER: 'identity-broker',
  NATS_PASSWORD: password,
  REDIS_URL: `redis://broker:${password}@127.0.0.1`,
  MASTER_KEYS: masterKey(),
  SIGNING_SECRET: randomBytes(32).toString('base64')
})

const mistakesOf = (env: Record<string, string>, set: Variables = variables): readonly string[] => {
  try {
    loadConfig(set, env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
    throw error
  }
}

t.test('what is given is read, and what is not has its default', async (t) => {
  const config = loadConfig(variables, {
    ...good(),
    PUBLIC_URL: 'https://Onbehalf.example.com:443/',
    TRUSTED_PROXIES: ' 10.0.0.1, ,::1'
  })
  t.match(config, {
    PUBLIC_URL: 'https://onbehalf.example.com',
    TRUSTED_PROXIES: ['10.0.0.1', '::1'],
    HOST: '127.0.0.1',
    PORT: 4001,
    NATS_URL: 'nats://127.0.0.1:4222',
    LOG_LEVEL: 'info',
    SHUTDOWN_SECONDS: 25
  })
  t.equal(typeof config.MASTER_KEYS.wrap, 'function')
})

t.test('every mistake is told at once, each with its variable, and none with a value', async (t) => {
  const secret = 'hunter2-is-no-secret'
  const mistakes = mistakesOf({
    PUBLIC_URL: `https://onbehalf.example.com/${secret}`,
    DATABASE_URL: `mysql://broker:${secret}@db`,
    NATS_PASSWORD: secret.slice(0, 7),
    REDIS_URL: secret,
    MASTER_KEYS: secret,
    SIGNING_SECRET: secret,
    PORT: secret,
    LOG_LEVEL: secret,
    SHUTDOWN_SECONDS: '0'
  })
  const named = mistakes.map((line) => line.split(':')[0])
  t.same(named.sort(), [
    'DATABASE_URL',
    'LOG_LEVEL',
    'MASTER_KEYS',
    'NATS_PASSWORD',
    'NATS_USER',
    'PORT',
    'PUBLIC_URL',
    'REDIS_URL',
    'SHUTDOWN_SECONDS',
    'SIGNING_SECRET'
  ])
  t.notMatch(mistakes.join('\n'), /hunter2/)
  t.notMatch(mistakes.join('\n'), /(\b[A-Z_]+): \1/, 'a variable is named once in its line')
  t.ok(mistakes.every((line) => !line.includes('\n')))
})

t.test('a variable that is empty or missing says what it is for', async (t) => {
  const { PUBLIC_URL: _, ...rest } = good()
  for (const env of [rest, { ...rest, PUBLIC_URL: '' }])
    t.match(mistakesOf(env), [/^PUBLIC_URL: is not set\. The origin/])
})

t.test('a secret can be in a file, and only in one place', async (t) => {
  const path = join(t.testdir({}), 'secret')
  const { NATS_PASSWORD: _, ...rest } = good()
  writeFileSync(path, `${password}\n`)
  t.equal(loadConfig(variables, { ...rest, NATS_PASSWORD_FILE: path }).NATS_PASSWORD, password)
  t.same(mistakesOf({ ...good(), NATS_PASSWORD_FILE: path }), [
    'NATS_PASSWORD: is given twice: keep either NATS_PASSWORD or NATS_PASSWORD_FILE'
  ])
  t.match(mistakesOf({ ...rest, NATS_PASSWORD_FILE: `${path}.none` }), [/^NATS_PASSWORD_FILE names a file that cannot/])
  writeFileSync(path, '\n')
  t.match(mistakesOf({ ...rest, NATS_PASSWORD_FILE: path }), [/^NATS_PASSWORD: is not set/])
  writeFileSync(path, 'no port')
  t.same(mistakesOf({ ...rest, NATS_PASSWORD: password, PORT_FILE: path }), [], 'what is no secret has no file')
})

t.test('a weak or known secret is refused', async (t) => {
  const short = randomBytes(23).toString('base64url').slice(0, 31)
  const weak = [
    short,
    'changeme'.repeat(6),
    `ChangeMe-${password}`,
    `${password}-secret`,
    'a'.repeat(64),
    '0123456789'.repeat(4)
  ]
  for (const SIGNING_SECRET of [...weak, 'abcabcabc'.repeat(8), 'test-key'.repeat(8)]) {
    const mistakes = mistakesOf({ ...good(), SIGNING_SECRET })
    t.match(mistakes, [/^SIGNING_SECRET: is too (short|easy to guess).*openssl rand/], SIGNING_SECRET.slice(0, 12))
    t.notOk(mistakes.join().includes(SIGNING_SECRET))
  }
  const keys = [
    '',
    'changeme',
    'k1:changeme',
    `k1:${Buffer.alloc(32).toString('base64')}`,
    `k1:${randomBytes(31).toString('base64')}`
  ]
  for (const MASTER_KEYS of keys)
    t.match(mistakesOf({ ...good(), MASTER_KEYS }), [/^MASTER_KEYS/], MASTER_KEYS.slice(0, 12))
})

t.test('numbers are whole and in their range', async (t) => {
  const set = { COUNT: integer({ min: 1, max: 5 })('How many.', { default: 2 }) }
  for (const [given, value] of [
    ['1', 1],
    ['5', 5],
    ['', 2]
  ] as const)
    t.equal(loadConfig(set, { COUNT: given }).COUNT, value)
  for (const COUNT of ['0', '6', '1.5', 'x', 'Infinity', '-1'])
    t.same(mistakesOf({ COUNT }, set), ['COUNT: must be a whole number from 1 to 5'])
})

t.test('an origin has no path, no query and no user', async (t) => {
  for (const PUBLIC_URL of [
    'onbehalf.example.com',
    'ftp://a.example',
    'https://a.example/x',
    'https://a.example/?q',
    'https://u@a.example'
  ])
    t.match(mistakesOf({ ...good(), PUBLIC_URL }), [/^PUBLIC_URL: must be an origin/], PUBLIC_URL)
})
