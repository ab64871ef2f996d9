import { randomUUID } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair } from 'jose'
import t from 'tap'
import { createVerifier, VerifyError } from '../src/index.ts'
import { audience, startIssuer } from './issuer.ts'

const setUp = async (test: Parameters<typeof startIssuer>[0], path = '/t/one') => {
  const issuer = await startIssuer(test, { path })
  const clock = { ms: Date.now() }
  const verifier = createVerifier({ issuers: [issuer.issuer], audience, now: () => clock.ms })
  const codeOf = async (token: string): Promise<string> =>
    verifier.verify(token).then(
      () => 'accepted',
      (error: unknown) => (error instanceof VerifyError ? error.code : String(error))
    )
  /** A token that holds at the verifier's time. */
  const sign = (header = {}, key?: CryptoKey) => {
    const iat = Math.floor(clock.ms / 1000)
    return issuer.sign({ iat, exp: iat + 60 }, header, key)
  }
  return { issuer, clock, codeOf, sign }
}

t.test('keys are looked up once, by discovery from the very issuer', async (t) => {
  const { issuer, codeOf, sign } = await setUp(t)
  t.same(issuer.asked(), [], 'not before the first token')
  const tokens = await Promise.all(Array.from({ length: 20 }, () => sign()))
  t.same(new Set(await Promise.all(tokens.map(codeOf))), new Set(['accepted']))
  t.same(issuer.asked(), ['/t/one/.well-known/openid-configuration', '/t/one/jwks'])
})

t.test('20 tokens with unknown key ids cause one fetch in 30 s, at once or one after the other', async (t) => {
  const { issuer, clock, codeOf, sign } = await setUp(t)
  t.equal(await codeOf(await sign()), 'accepted')
  clock.ms += 29_999
  for (let index = 0; index < 20; index += 1) t.equal(await codeOf(await sign({ kid: randomUUID() })), 'invalid_token')
  t.equal(issuer.fetches(), 1)
  clock.ms += 1
  const storm = await Promise.all(Array.from({ length: 20 }, () => sign({ kid: randomUUID() })))
  await Promise.all(storm.map(codeOf))
  for (const token of storm) await codeOf(token)
  t.equal(issuer.fetches(), 2)
  t.equal(await codeOf(await sign()), 'accepted', 'and good tokens go on')
})

t.test('nor do they while the issuer is away, and good tokens go on', async (t) => {
  const { issuer, clock, codeOf, sign } = await setUp(t)
  t.equal(await codeOf(await sign()), 'accepted')
  issuer.answers[`${issuer.basePath}/jwks`] = () => ({ status: 500 })
  clock.ms += 30_000
  for (let index = 0; index < 20; index += 1) t.equal(await codeOf(await sign({ kid: randomUUID() })), 'unavailable')
  t.equal(issuer.fetches(), 2)
  clock.ms += 29_999
  for (let index = 0; index < 20; index += 1) t.equal(await codeOf(await sign({ kid: randomUUID() })), 'unavailable')
  t.equal(issuer.fetches(), 2)
  clock.ms += 1
  t.equal(await codeOf(await sign({ kid: randomUUID() })), 'unavailable')
  t.equal(issuer.fetches(), 3)
  t.equal(await codeOf(await sign()), 'accepted')
})

t.test('a new key is found when it is used, and one that is taken back is gone', async (t) => {
  const { issuer, clock, codeOf, sign } = await setUp(t)
  t.equal(await codeOf(await sign()), 'accepted')
  const next = await generateKeyPair('ES256', { extractable: true })
  const kid = randomUUID()
  issuer.keys.push({ ...(await exportJWK(next.publicKey)), kid, alg: 'ES256', use: 'sig' })
  clock.ms += 30_000
  t.equal(await codeOf(await sign({ kid }, next.privateKey)), 'accepted')
  issuer.keys.shift()
  clock.ms += 300_000
  t.equal(await codeOf(await sign()), 'accepted', 'it is fetched behind this answer')
  while (issuer.fetches() < 3) await new Promise(setImmediate)
  while ((await codeOf(await sign())) === 'accepted') await new Promise(setImmediate)
  t.equal(await codeOf(await sign()), 'invalid_token')
  t.equal(await codeOf(await sign({ kid }, next.privateKey)), 'accepted')
})

t.test('while the issuer is away it is unavailable and not invalid, and it is not asked for each token', async (t) => {
  const { issuer, clock, codeOf, sign } = await setUp(t)
  issuer.answers[`${issuer.basePath}/jwks`] = () => ({ status: 500 })
  for (let index = 0; index < 20; index += 1) t.equal(await codeOf(await sign()), 'unavailable')
  t.equal(issuer.fetches(), 1)
  issuer.answers[`${issuer.basePath}/jwks`] = () => ({ body: JSON.stringify({ keys: issuer.keys }) })
  t.equal(await codeOf(await sign()), 'unavailable')
  clock.ms += 5_000
  t.equal(await codeOf(await sign()), 'accepted')
})

t.test('known keys go on for an hour without the issuer, and no longer', async (t) => {
  const { issuer, clock, codeOf, sign } = await setUp(t)
  t.equal(await codeOf(await sign()), 'accepted')
  issuer.answers[`${issuer.basePath}/jwks`] = () => ({ status: 500 })
  clock.ms += 3_599_000
  t.equal(await codeOf(await sign()), 'accepted')
  clock.ms += 6_000
  t.equal(await codeOf(await sign()), 'unavailable')
})

t.test('what is published in another way than it should be gives no keys', async (t) => {
  const cases: Record<string, (issuer: Awaited<ReturnType<typeof startIssuer>>) => void> = {
    'metadata of another issuer': ({ metadata }) => Object.assign(metadata, { issuer: 'https://login.example.com' }),
    'metadata with a slash behind the issuer': ({ metadata, issuer }) =>
      Object.assign(metadata, { issuer: `${issuer}/` }),
    'no place of keys': ({ metadata }) => Object.assign(metadata, { jwks_uri: undefined }),
    'keys without https': ({ metadata }) => Object.assign(metadata, { jwks_uri: 'http://keys.example.com/jwks' }),
    'keys from a file': ({ metadata }) => Object.assign(metadata, { jwks_uri: 'file:///etc/passwd' }),
    'keys somewhere else, by redirect': ({ answers, basePath, origin }) => {
      answers[`${basePath}/jwks`] = () => ({ status: 302, headers: { location: `${origin}/elsewhere` } })
      answers['/elsewhere'] = () => ({ body: '{"keys":[]}' })
    },
    'metadata somewhere else, by redirect': ({ answers, basePath, origin, metadata }) => {
      const path = `${basePath}/.well-known/openid-configuration`
      answers[path] = () => ({ status: 302, headers: { location: `${origin}/elsewhere` } })
      answers['/elsewhere'] = () => ({ body: JSON.stringify(metadata) })
    },
    'keys without end': ({ answers, basePath, keys }) => {
      answers[`${basePath}/jwks`] = () => ({ body: JSON.stringify({ keys, more: 'x'.repeat(300_000) }) })
    },
    'too many keys': ({ answers, basePath, keys }) => {
      answers[`${basePath}/jwks`] = () => ({ body: JSON.stringify({ keys: Array(101).fill(keys[0]) }) })
    },
    'no JSON': ({ answers, basePath }) => {
      answers[`${basePath}/jwks`] = () => ({ body: '<html>' })
    }
  }
  for (const [name, spoil] of Object.entries(cases)) {
    const { issuer, codeOf, sign } = await setUp(t)
    spoil(issuer)
    t.equal(await codeOf(await sign()), 'unavailable', name)
    t.notOk(issuer.asked().includes('/elsewhere'), name)
  }
})

t.test('a shared secret among the keys verifies nothing', async (t) => {
  const { issuer, codeOf, sign } = await setUp(t)
  issuer.keys.splice(0, 1, { kty: 'oct', k: 'A'.repeat(43), kid: issuer.kid, alg: 'HS256' })
  t.equal(await codeOf(await sign()), 'invalid_token')
})

t.test("RFC 8414's place is asked where OpenID Connect's has nothing", async (t) => {
  const { issuer, codeOf, sign } = await setUp(t)
  delete issuer.answers['/t/one/.well-known/openid-configuration']
  issuer.answers['/.well-known/oauth-authorization-server/t/one'] = () => ({ body: JSON.stringify(issuer.metadata) })
  t.equal(await codeOf(await sign()), 'accepted')
})
