import { createHmac, createPublicKey, randomUUID } from 'node:crypto'
import { base64url, exportSPKI, generateKeyPair, importJWK } from 'jose'
import t from 'tap'
import { createVerifier, type VerifierOptions, VerifyError } from '../src/index.ts'
import { audience, type Issuer, startIssuer } from './issuer.ts'

const issuer = await startIssuer(t, { path: '/t/one' })
const other = await startIssuer(t, { path: '/t/two' })
const verifierOf = (options: Partial<VerifierOptions> = {}) =>
  createVerifier({ issuers: [issuer.issuer], audience, ...options })
const verifier = verifierOf()

const refusalOf = async (work: Promise<unknown>): Promise<VerifyError> => {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error
  )
  if (thrown instanceof VerifyError) return thrown
  throw new Error(`it was not refused: ${String(thrown)}`)
}
const encode = (part: object) => base64url.encode(JSON.stringify(part))
const unsigned = (claims: object, header: object) => `${encode(header)}.${encode(claims)}.`

t.test('a good token names who, for whom, and where it comes from', async (t) => {
  const claims = { email: 'ann@example.com', email_verified: true, act: { sub: 'app-1' }, scope: 'read write' }
  const identity = await verifier.verify(await issuer.sign(claims))
  t.match(identity, {
    ...{ issuer: issuer.issuer, subject: 'ann', email: 'ann@example.com', act: { sub: 'app-1' }, client_id: 'flows' },
    ...{ scopes: ['read', 'write'], jti: String, expires_at: Number, claims: { aud: audience } }
  })
  t.same([identity.tool, identity.arguments_digest, identity.auth_time], [undefined, undefined, undefined])
})

t.test('an e-mail that nobody verified is not told', async (t) => {
  for (const email_verified of [false, undefined, 'true', 1]) {
    const { email } = await verifier.verify(await issuer.sign({ email: 'ann@example.com', email_verified }))
    t.equal(email, undefined)
  }
})

t.test('an RS256 or EdDSA issuer verifies as well, and what is not allowed does not', async (t) => {
  for (const alg of ['RS256', 'EdDSA', 'PS256', 'ES384']) {
    const another = await startIssuer(t, { alg })
    const isDefault = alg === 'RS256' || alg === 'EdDSA'
    const trusting = createVerifier({ issuers: [another.issuer], audience })
    const token = await another.sign()
    if (isDefault) t.equal((await trusting.verify(token)).subject, 'ann', alg)
    else t.equal((await refusalOf(trusting.verify(token))).code, 'invalid_token', alg)
    const listed = createVerifier({ issuers: [{ issuer: another.issuer, algorithms: [alg] }], audience })
    t.equal((await listed.verify(await another.sign())).subject, 'ann', `${alg} listed`)
  }
})

const strangers = await generateKeyPair('ES256')
const spki = await (async () => {
  const [jwk = {}] = issuer.keys
  const key = await importJWK({ ...jwk }, 'ES256', { extractable: true })
  if (key instanceof Uint8Array) throw new Error('not a public key')
  return exportSPKI(key)
})()
/** HS256 with the issuer's public key as the secret: what a verifier that takes the algorithm from the token accepts. */
const confused = (claims: object, secret: string | Buffer) => {
  const text = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: issuer.kid })}.${encode(claims)}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}
const usual = async (): Promise<object> => JSON.parse(atob((await issuer.sign()).split('.')[1] ?? ''))
const der = createPublicKey(spki).export({ type: 'spki', format: 'der' })

const forgeries: Record<string, () => string | Promise<string>> = {
  'nothing at all': () => '',
  'no JWT': () => 'obk_abcdef',
  'two parts': async () => (await issuer.sign()).split('.').slice(0, 2).join('.'),
  'five parts, as an encrypted one has': async () => `${await issuer.sign()}.a.b`,
  'longer than any token': async () => issuer.sign({ long: 'x'.repeat(20_000) }),
  'alg none': async () => unsigned(await usual(), { alg: 'none', typ: 'at+jwt' }),
  'alg none, in other letters': async () => unsigned(await usual(), { alg: 'nOnE', typ: 'at+jwt', kid: issuer.kid }),
  'alg none with a signature': async () =>
    unsigned(await usual(), { alg: 'none', typ: 'at+jwt' }) + ((await issuer.sign()).split('.')[2] ?? ''),
  'HS256 with the public key as text': async () => confused(await usual(), spki),
  'HS256 with the public key as bytes': async () => confused(await usual(), der),
  'a header that is no JSON': async () => `${base64url.encode('{')}.${encode(await usual())}.AAAA`,
  "another key under the issuer's kid": () => issuer.sign({}, {}, strangers.privateKey),
  'another key and another kid': () => issuer.sign({}, { kid: randomUUID() }, strangers.privateKey),
  'a changed claim': async () => {
    const [header, , signature] = (await issuer.sign()).split('.')
    return `${header}.${encode({ ...(await usual()), sub: 'cem' })}.${signature}`
  },
  'the signature left out': async () => (await issuer.sign()).replace(/\.[^.]+$/, '.'),
  "a session's type": () => issuer.sign({}, { typ: 'onbehalf-session+jwt' }),
  "a ticket's type": () => issuer.sign({}, { typ: 'onbehalf-principal+jwt' }),
  'an ID token': () => issuer.sign({}, { typ: 'JWT' }),
  'no type': () => issuer.sign({}, { typ: undefined }),
  'another issuer': () => other.sign(),
  "another issuer that signs with this one's name": () => other.sign({ iss: issuer.issuer }),
  'the issuer with a slash behind it': () => issuer.sign({ iss: `${issuer.issuer}/` }),
  'the issuer in other letters': () => issuer.sign({ iss: issuer.issuer.toUpperCase() }),
  'an issuer that only begins so': () => issuer.sign({ iss: `${issuer.issuer}.evil.example` }),
  'no issuer': () => issuer.sign({ iss: undefined }),
  'a list of issuers': () => issuer.sign({ iss: [issuer.issuer] }),
  'another audience': () => issuer.sign({ aud: 'https://other.example.com/mcp' }),
  'the audience with a slash behind it': () => issuer.sign({ aud: `${audience}/` }),
  'an audience below it': () => issuer.sign({ aud: `${audience}/below` }),
  'the audience above it': () => issuer.sign({ aud: 'https://tools.example.com' }),
  'several audiences': () => issuer.sign({ aud: [audience, 'https://other.example.com/mcp'] }),
  'the same audience twice': () => issuer.sign({ aud: [audience, audience] }),
  'an empty list of audiences': () => issuer.sign({ aud: [] }),
  'no audience': () => issuer.sign({ aud: undefined }),
  expired: () => issuer.sign({ exp: issuer.now() - 11 }),
  'not valid yet': () => issuer.sign({ nbf: issuer.now() + 60 }),
  'issued tomorrow': () => issuer.sign({ iat: issuer.now() + 86_400, exp: issuer.now() + 90_000 }),
  'no end': () => issuer.sign({ exp: undefined }),
  'an end that is text': () => issuer.sign({ exp: '9999999999' }),
  'no subject': () => issuer.sign({ sub: undefined }),
  'an empty subject': () => issuer.sign({ sub: '' }),
  'a subject that is a number': () => issuer.sign({ sub: 7 }),
  'an act that names nobody': () => issuer.sign({ act: 'root' }),
  'a scope that is a list': () => issuer.sign({ scope: ['admin'] }),
  'a critical header nobody knows': () => issuer.sign({}, { crit: ['x'], x: 1 }),
  'a payload that is not encoded': () => issuer.sign({}, { crit: ['b64'], b64: false }),
  'padding behind the signature': async () => `${await issuer.sign()}==`,
  'a line break in it': async () => (await issuer.sign()).replace('.', '.\n'),
  'a space before it': async () => ` ${await issuer.sign()}`
}

for (const [name, forge] of Object.entries(forgeries))
  t.test(`refused: ${name}`, async (t) => {
    const { code, status, message } = await refusalOf(verifier.verify(await forge()))
    t.same([code, status, message], ['invalid_token', 401, 'The access token is not valid here.'])
  })

t.test('the issuer may be listed with its slash, and then only so', async (t) => {
  const slashed = await startIssuer(t, { path: '/t/three/' })
  const trusting = createVerifier({ issuers: [slashed.issuer], audience })
  t.equal((await trusting.verify(await slashed.sign())).issuer, slashed.issuer)
  const without = slashed.issuer.replace(/\/$/, '')
  t.equal((await refusalOf(trusting.verify(await slashed.sign({ iss: without })))).code, 'invalid_token')
})

t.test('one audience in a list is one audience', async (t) => {
  t.equal((await verifier.verify(await issuer.sign({ aud: [audience] }))).subject, 'ann')
})

t.test('clocks may be a little apart, as far as is said', async (t) => {
  t.ok(await verifier.verify(await issuer.sign({ exp: issuer.now() - 5 })))
  const strict = verifierOf({ toleranceSeconds: 0 })
  t.equal((await refusalOf(strict.verify(await issuer.sign({ exp: issuer.now() - 2 })))).code, 'invalid_token')
})

t.test('a key that the token brings along, or names a place of, is neither used nor fetched', async (t) => {
  const evil = await startIssuer(t)
  const [jwk] = evil.keys
  const headers: Record<string, object> = {
    jwk: { jwk, kid: evil.kid },
    jku: { jku: `${evil.issuer}/jwks`, kid: evil.kid },
    x5u: { x5u: `${evil.issuer}/chain`, kid: evil.kid },
    x5c: { x5c: ['AAAA'], kid: evil.kid }
  }
  for (const [name, header] of Object.entries(headers)) {
    const forged = await evil.sign({ iss: issuer.issuer }, { ...header })
    t.equal((await refusalOf(verifier.verify(forged))).code, 'invalid_token', name)
    t.equal((await verifier.verify(await issuer.sign({}, { ...header, kid: issuer.kid }))).subject, 'ann', name)
  }
  t.same(evil.asked(), [])
})

t.test('the last sign-in can be asked for, in the words of RFC 9470', async (t) => {
  const strict = verifierOf({ signInSecondsMax: 3600 })
  t.ok(await strict.verify(await issuer.sign({ auth_time: issuer.now() - 3590 })))
  for (const auth_time of [issuer.now() - 3700, undefined]) {
    const refused = await refusalOf(strict.verify(await issuer.sign({ auth_time })))
    t.match(refused, { code: 'insufficient_user_authentication', status: 401 })
    t.match(strict.refusalOf(refused).headers, {
      'www-authenticate': /insufficient_user_authentication.*max_age="3600"/
    })
  }
})

t.test('options that cannot be meant are refused when the verifier is made', async (t) => {
  const wrong: [Partial<VerifierOptions>, RegExp][] = [
    [{ issuers: [] }, /issuers: name at least one/],
    [{ issuers: ['https://*.example.com'] }, /is a pattern/],
    [{ issuers: ['*'] }, /is a pattern/],
    [{ issuers: ['login.example.com'] }, /is not a URL/],
    [{ issuers: ['http://login.example.com'] }, /is not https/],
    [{ issuers: ['https://login.example.com?tenant=x'] }, /has a query/],
    [{ issuers: ['https://login.example.com#x'] }, /has a query or a fragment/],
    [{ issuers: ['https://a:b@login.example.com'] }, /has a password/],
    [{ issuers: [{ issuer: issuer.issuer, algorithms: ['HS256'] }] }, /HS256 is not an asymmetric/],
    [{ issuers: [{ issuer: issuer.issuer, algorithms: ['none'] }] }, /none is not an asymmetric/],
    [{ audience: '' }, /audience: name this server/],
    [{ audience: 'https://*.example.com/mcp' }, /there are no patterns/]
  ]
  for (const [options, words] of wrong) t.throws(() => verifierOf(options), words)
})

t.test('two issuers that are trusted cannot sign for each other', async (t) => {
  const both: Issuer[] = [issuer, other]
  const trusting = verifierOf({ issuers: both.map((one) => one.issuer) })
  t.equal((await trusting.verify(await issuer.sign())).issuer, issuer.issuer)
  t.equal((await trusting.verify(await other.sign())).issuer, other.issuer)
  t.equal((await refusalOf(trusting.verify(await other.sign({ iss: issuer.issuer })))).code, 'invalid_token')
})
