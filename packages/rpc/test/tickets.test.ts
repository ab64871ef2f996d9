import { randomUUID, sign } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'
import { Type } from '@sinclair/typebox'
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import t from 'tap'
import {
  createKeySet,
  createTicketReader,
  defineTicket,
  type FindKey,
  importSigningKey,
  type PublicKey,
  signTicket,
  verifyTicket
} from '../src/index.ts'
import { refusalOf } from './buses.ts'

const passport = defineTicket({
  type: 'passport+jwt',
  issuers: ['identity-broker', 'device-auth'],
  claims: Type.Object({ tenant_id: Type.String(), user_id: Type.String() })
})
const claims = { tenant_id: 't1', user_id: 'u1' }

const makeKey = async (kid: string = randomUUID()) => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const { x = '', y = '' } = await exportJWK(publicKey)
  const publicJwk: PublicKey = { kid, kty: 'EC', crv: 'P-256', x, y }
  const signingKey = await importSigningKey({ ...(await exportJWK(privateKey)), kid })
  return { kid, publicJwk, signingKey, spki: await exportSPKI(publicKey) }
}
const [brokerKey, deviceKey, providerKey] = await Promise.all([makeKey(), makeKey(), makeKey()])
const keysOf: Record<string, PublicKey[]> = {
  'identity-broker': [brokerKey.publicJwk],
  'device-auth': [deviceKey.publicJwk],
  'mcp-provider': [providerKey.publicJwk]
}
const findKey: FindKey = createKeySet(async (issuer) => keysOf[issuer] ?? [])

const now = () => Math.floor(Date.now() / 1000)
type Made = { header?: Record<string, unknown>; payload?: Record<string, unknown>; key?: typeof brokerKey }

/** A ticket as it should be, but for what the test changes. */
const forge = ({ header, payload, key = brokerKey }: Made = {}) => {
  const body: JWTPayload = {
    statement: claims,
    iss: 'identity-broker',
    aud: 'onbehalf',
    iat: now(),
    exp: now() + 60,
    jti: randomUUID(),
    ...payload
  }
  return new SignJWT(body)
    .setProtectedHeader({ alg: 'ES256', typ: passport.type, kid: key.kid, ...header })
    .sign(key.signingKey.privateKey)
}

t.test('a ticket says what was signed, for 60 seconds', async (t) => {
  const issuer = { issuer: 'identity-broker', key: brokerKey.signingKey }
  const before = now()
  const { ticket, expires_at } = await signTicket(passport, claims, issuer)
  t.ok(before + 60 <= expires_at && expires_at <= now() + 61)
  t.same(await verifyTicket(passport, ticket, { findKey }), claims)
  t.same(await verifyTicket(passport, await forge(), { findKey }), claims, 'what the forgeries below are made from')
  const soon = () => Date.now() + 55_000
  t.same(await verifyTicket(passport, ticket, { findKey, now: soon }), claims)
  const later = () => Date.now() + 66_000
  t.match(await refusalOf(verifyTicket(passport, ticket, { findKey, now: later })), { code: 'policy_denied' })
})

t.test('a ticket that is not what it must be is refused, without saying what is wrong with it', async (t) => {
  const unsigned = new UnsecuredJWT({ statement: claims })
    .setIssuer('identity-broker')
    .setAudience('onbehalf')
    .setIssuedAt()
    .setExpirationTime('60s')
    .setJti('1')
    .encode()
  const secret = new TextEncoder().encode(brokerKey.spki)
  const symmetric = new SignJWT({ statement: claims, iss: 'identity-broker', aud: 'onbehalf', jti: '1' })
    .setProtectedHeader({ alg: 'HS256', typ: passport.type, kid: brokerKey.kid })
    .setIssuedAt()
    .setExpirationTime('60s')
  const valid = await forge()
  const bad: Record<string, string | Promise<string>> = {
    'another type': forge({ header: { typ: 'onbehalf-session+jwt' } }),
    'no type': forge({ header: { typ: undefined } }),
    'no key id': forge({ header: { kid: undefined } }),
    'an unknown key id': forge({ header: { kid: 'made-up' } }),
    'no signature': unsigned,
    'a shared secret': symmetric.sign(secret),
    'another issuer': forge({ payload: { iss: 'tool-invoker' } }),
    'an issuer whose word does not count here': forge({ payload: { iss: 'mcp-provider' }, key: providerKey }),
    'the key of another service': forge({ payload: { iss: 'identity-broker' }, key: deviceKey }),
    'the issuer of another key': forge({ payload: { iss: 'device-auth' }, key: brokerKey }),
    "another's key under a known id": forge({ header: { kid: brokerKey.kid }, key: deviceKey }),
    'another audience': forge({ payload: { aud: 'https://mcp.example.com' } }),
    'one that ended': forge({ payload: { iat: now() - 50, exp: now() - 10 } }),
    'one that lives too long': forge({ payload: { iat: now() - 70, exp: now() + 600 } }),
    'one from the future': forge({ payload: { iat: now() + 30, exp: now() + 60 } }),
    'one without an end': forge({ payload: { exp: undefined } }),
    'one without a beginning': forge({ payload: { iat: undefined } }),
    'one without an id': forge({ payload: { jti: undefined } }),
    'malformed claims': forge({ payload: { statement: { tenant_id: 't1' } } }),
    'claims of another shape': forge({ payload: { statement: 'u1' } }),
    'no claims': forge({ payload: { statement: undefined } }),
    'an issuer that is no text': forge({ payload: { iss: undefined } }),
    'a changed payload': valid.replace(
      /\.[^.]+\./,
      `.${Buffer.from('{"iss":"identity-broker"}').toString('base64url')}.`
    ),
    'a cut signature': valid.slice(0, -4),
    'no JSON': 'a.b.c',
    nothing: ''
  }
  for (const [what, ticket] of Object.entries(bad)) {
    const refused = await refusalOf(verifyTicket(passport, await ticket, { findKey }))
    t.same(refused, { code: 'policy_denied', message: 'The passport+jwt shown does not hold.' }, what)
  }
})

t.test('a signature holds whichever numbers it has, also short ones', async (t) => {
  const isShort = (ticket: string) => {
    const form = Buffer.from(ticket.split('.')[2] ?? '', 'base64url')
    return form[0] === 0 || form[32] === 0
  }
  let ticket = ''
  do {
    ticket = await forge()
    t.same(await verifyTicket(passport, ticket, { findKey }), claims)
  } while (!isShort(ticket))
  const [head, body] = ticket.split('.')
  const zeros = `${head}.${body}.${'A'.repeat(86)}`
  t.match(await refusalOf(verifyTicket(passport, zeros, { findKey })), { code: 'policy_denied' })
})

t.test(
  'a ticket with an extension that must be understood, or with more than there is to it, is refused',
  async (t) => {
    const [head = '', body = '', signature = ''] = (await forge()).split('.')
    const extended = { ...JSON.parse(Buffer.from(head, 'base64url').toString()), crit: ['exp'] }
    const { signingKey } = brokerKey
    const signed = `${Buffer.from(JSON.stringify(extended)).toString('base64url')}.${body}`
    const form = sign('sha256', Buffer.from(signed), { key: signingKey.keyObject, dsaEncoding: 'ieee-p1363' })
    for (const bad of [
      `${signed}.${form.toString('base64url')}`,
      `${head}.${body}.${signature}.${signature}`,
      `${head}.${body}.${signature}=`,
      `${head}.${body}\n.${signature}`
    ])
      t.match(await refusalOf(verifyTicket(passport, bad, { findKey })), { code: 'policy_denied' })
  }
)

t.test('a reader verifies a ticket once, and believes it no longer than the ticket holds', async (t) => {
  const ticket = await forge()
  const clock = { ms: Date.now() }
  let asked = 0
  const counting: FindKey = (issuer, kid) => {
    asked += 1
    return findKey(issuer, kid)
  }
  const read = createTicketReader(passport, { findKey: counting, now: () => clock.ms })
  for (let time = 0; time < 3; time += 1) t.same(await read(ticket), claims)
  t.equal(asked, 1, 'the signature was checked once')
  const [head, body, signature = ''] = ticket.split('.')
  const altered = `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
  for (let time = 0; time < 2; time += 1) t.match(await refusalOf(read(altered)), { code: 'policy_denied' })
  t.equal(asked, 3, 'and a refused one each time')
  clock.ms += 66_000
  t.match(
    await refusalOf(read(ticket)),
    { code: 'policy_denied' },
    'a ticket that ended is refused though it was known'
  )
  const brief = await forge({ payload: { iat: now(), exp: now() + 10 } })
  clock.ms = Date.now()
  t.same(await read(brief), claims)
  clock.ms += 16_000
  t.match(await refusalOf(read(brief)), { code: 'policy_denied' }, 'its own end counts where that is sooner')
})

t.test('while nobody can say which keys hold, a ticket is unavailable and not refused', async (t) => {
  const away: FindKey = createKeySet(async () => {
    throw new ReportedError('unavailable', 'away')
  })
  t.match(await refusalOf(verifyTicket(passport, await forge(), { findKey: away })), { code: 'unavailable' })
})

t.test('the key set asks the issuer itself, and holds what it answered', async (t) => {
  const asked: string[] = []
  const find = createKeySet(async (issuer) => {
    asked.push(issuer)
    return keysOf[issuer] ?? []
  })
  t.ok(await find('identity-broker', brokerKey.kid))
  t.ok(await find('identity-broker', brokerKey.kid))
  t.equal(await find('device-auth', brokerKey.kid), undefined)
  t.ok(await find('device-auth', deviceKey.kid))
  t.same(asked, ['identity-broker', 'device-auth'])
})

t.test('an unknown key id asks again at most once in 30 s per issuer, and a new key is found then', async (t) => {
  let time = 0
  let asked = 0
  const keys = [brokerKey.publicJwk]
  const find = createKeySet(
    async () => {
      asked += 1
      return keys
    },
    { now: () => time }
  )
  const guesses = Array.from({ length: 50 }, (_, index) => find('identity-broker', `guess ${index}`))
  t.same(new Set(await Promise.all(guesses)), new Set([undefined]))
  t.equal(asked, 1, 'all at once are one question')
  const added = await makeKey('added')
  keys.push(added.publicJwk)
  time = 29_999
  t.equal(await find('identity-broker', 'added'), undefined)
  t.equal(asked, 1)
  time = 30_000
  t.ok(await find('identity-broker', 'added'))
  t.equal(asked, 2)
})

t.test(
  'a key that its owner no longer shows is not believed for long, and none is lost while the owner is away',
  async (t) => {
    let time = 0
    let asked = 0
    const answers: (() => Promise<(typeof brokerKey.publicJwk)[]>)[] = [
      async () => [brokerKey.publicJwk, deviceKey.publicJwk],
      async () => {
        throw new ReportedError('unavailable', 'away')
      },
      async () => [brokerKey.publicJwk]
    ]
    const find = createKeySet(
      async () => {
        asked += 1
        return (await answers[asked - 1]?.()) ?? []
      },
      { now: () => time }
    )
    const kid = deviceKey.kid
    t.ok(await find('identity-broker', kid))
    time = 299_999
    t.ok(await find('identity-broker', kid))
    t.equal(asked, 1)
    time = 300_000
    t.ok(await find('identity-broker', kid), 'it is asked for behind the answer')
    await new Promise(setImmediate)
    t.ok(await find('identity-broker', kid), 'the owner was away')
    await new Promise(setImmediate)
    t.equal(await find('identity-broker', kid), undefined)
    t.ok(await find('identity-broker', brokerKey.kid))
    t.equal(asked, 3)
  }
)

t.test('a key set that could not ask asks again', async (t) => {
  const answers = [Promise.reject(new ReportedError('unavailable', 'away')), Promise.resolve([brokerKey.publicJwk])]
  const find = createKeySet(async () => (await answers.shift()) ?? [])
  t.match(await refusalOf(find('identity-broker', brokerKey.kid)), { code: 'unavailable' })
  t.ok(await find('identity-broker', brokerKey.kid))
})

t.test('only a key with an id signs', async (t) => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  await t.rejects(importSigningKey(await exportJWK(privateKey)), { message: /with a kid/ })
  await t.rejects(importSigningKey({ kty: 'oct', k: 'AAAA', kid: 'k' }))
})
