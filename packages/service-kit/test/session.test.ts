import { randomUUID } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'
import { makeKeyPair } from '@onbehalf/testkit/players'
import { exportSPKI, importJWK, SignJWT, UnsecuredJWT } from 'jose'
import t from 'tap'
import { type App, sessionType } from '../src/index.ts'
import { createDirectory, publicUrl, type SessionChange, sessionCookie, sessionKey, startApp } from './app.ts'

const directory = createDirectory()
const { authenticators } = directory
const routes = (app: App) => void app.get('/me', { config: { access: { credentials: ['session'] } } }, async () => ({}))
const now = () => Math.floor(Date.now() / 1000)
const claims = () => ({
  sub: randomUUID(),
  tenant_id: randomUUID(),
  sid: randomUUID(),
  csrf: 'x'.repeat(24),
  iss: publicUrl,
  aud: publicUrl,
  iat: now(),
  exp: now() + 600
})

t.test('a session is read from its cookie', async (t) => {
  const { app } = await startApp(t, { routes, authenticators })
  t.equal((await app.inject({ url: '/me', headers: { cookie: (await directory.session()).cookie } })).statusCode, 200)
})

t.test('a cookie that is not one of our sessions is 401 and never more', async (t) => {
  const { app } = await startApp(t, { routes, authenticators })
  const stranger = await makeKeyPair()
  const publicKey = await importJWK({ ...sessionKey.publicKey }, 'ES256', { extractable: true })
  const spki = publicKey instanceof Uint8Array ? publicKey : new TextEncoder().encode(await exportSPKI(publicKey))
  const symmetric = new SignJWT(claims()).setProtectedHeader({
    alg: 'HS256',
    typ: sessionType,
    kid: sessionKey.publicKey.kid
  })
  const changes: Record<string, SessionChange> = {
    'another type': { header: { typ: 'JWT' } },
    'a ticket': { header: { typ: 'onbehalf-principal+jwt' } },
    'no type': { header: { typ: undefined } },
    'an unknown key id': { header: { kid: 'made-up' } },
    'no key id': { header: { kid: undefined } },
    'a key id that is no text': { header: { kid: 5 } },
    "another's key under our id": { key: stranger, header: { kid: sessionKey.publicKey.kid } },
    "another's key": { key: stranger },
    'one that ended': { payload: { iat: now() - 700, exp: now() - 100 } },
    'one without an end': { payload: { exp: undefined } },
    'another issuer': { payload: { iss: 'https://evil.example' } },
    'no issuer': { payload: { iss: undefined } },
    'another audience': { payload: { aud: 'https://mcp.example.com' } },
    'no audience': { payload: { aud: undefined } },
    'no subject': { payload: { sub: undefined } },
    'no session id': { payload: { sid: undefined } },
    'a session id of another shape': { payload: { sid: 'x' } },
    'no tenant': { payload: { tenant_id: undefined } },
    'no csrf value': { payload: { csrf: undefined } },
    'an empty csrf value': { payload: { csrf: '' } }
  }
  const cookies: Record<string, string> = {
    unsigned: new UnsecuredJWT(claims()).encode(),
    'a shared secret': await symmetric.sign(spki),
    'no JWT': 'x',
    'three parts': 'a.b.c',
    empty: '',
    'cut short': (await directory.session()).cookie.slice(sessionCookie.length + 1, -6)
  }
  for (const [what, change] of Object.entries(changes))
    cookies[what] = (await directory.session('owner', change)).cookie.slice(sessionCookie.length + 1)
  const asked = directory.state.asked
  for (const [index, [what, value]] of Object.entries(cookies).entries()) {
    const remoteAddress = `10.0.0.${index}`
    const answer = await app.inject({ url: '/me', headers: { cookie: `${sessionCookie}=${value}` }, remoteAddress })
    t.match([answer.statusCode, answer.json().code], [401, 'unauthenticated'], what)
  }
  t.equal(directory.state.asked, asked, 'nobody was asked about one of them')
})

t.test('a session under another name, or as a bearer token, is none', async (t) => {
  const { app } = await startApp(t, { routes, authenticators })
  const { cookie } = await directory.session()
  const jwt = cookie.slice(sessionCookie.length + 1)
  t.equal((await app.inject({ url: '/me', headers: { cookie: `onbehalf_session=${jwt}` } })).statusCode, 401)
  t.equal((await app.inject({ url: '/me', headers: { authorization: `Bearer ${jwt}` } })).statusCode, 401)
})

t.test('a session that has ended since is 401', async (t) => {
  const { app } = await startApp(t, {
    routes,
    authenticators: {
      session: async () => {
        throw new ReportedError('unauthenticated', 'It has ended.')
      }
    }
  })
  t.equal((await app.inject({ url: '/me', headers: { cookie: (await directory.session()).cookie } })).statusCode, 401)
})

t.test('while nobody can say which keys hold, a session is 503 and can be tried again', async (t) => {
  const findSessionKey = async () => {
    throw new ReportedError('unavailable', 'identity-broker is not available.', { retry_after_seconds: 1 })
  }
  const { app } = await startApp(t, { routes, authenticators, findSessionKey })
  const answer = await app.inject({ url: '/me', headers: { cookie: (await directory.session()).cookie } })
  t.match([answer.statusCode, answer.json().code, answer.headers['retry-after']], [503, 'unavailable', '1'])
})
