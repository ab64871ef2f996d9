import { randomBytes, randomUUID } from 'node:crypto'
import { defaultKeyScopes, type KeyScope, type Principal, type ResolvedPrincipal, type Role } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { makeKeyPair, type PlayedKey } from '@onbehalf/testkit/players'
import { SignJWT } from 'jose'
import type { Test } from 'tap'
import { type App, type AppOptions, cookieNamesFor, createApp, hashOf, sessionType } from '../src/index.ts'

export const publicUrl = 'https://onbehalf.example.com'
export const sessionCookie = cookieNamesFor(publicUrl).session
export const sessionKey: PlayedKey = await makeKeyPair()

const invalid = () => new ReportedError('invalid_bearer', 'There is no such token.')
const resolved = (principal: Principal): ResolvedPrincipal => ({
  principal,
  ticket: 'ticket',
  credential_expires_at: Math.floor(Date.now() / 1000) + 600
})

/** Tokens and sessions that hold, and how often somebody asked about one. */
export const createDirectory = () => {
  const held = new Map<string, Principal>()
  const state = { asked: 0 }
  const user = (kind: 'session' | 'device_token', role: Role | null, id: string = randomUUID()): Principal => ({
    kind: 'user',
    tenant_id: randomUUID(),
    user_id: randomUUID(),
    role,
    credential: { kind, id }
  })
  const resolve = async (key: string): Promise<ResolvedPrincipal> => {
    state.asked += 1
    const principal = held.get(key)
    if (principal) return resolved(principal)
    throw invalid()
  }
  const bearer = (prefix: string, principal: Principal) => {
    const token = `${prefix}_${randomBytes(32).toString('base64url')}`
    held.set(hashOf(token), principal)
    return { authorization: `Bearer ${token}` }
  }
  const tenant_id = randomUUID()
  return {
    state,
    authenticators: {
      bearer: resolve,
      api_key: resolve,
      session: ({ session_id }: { session_id: string }) => resolve(session_id)
    },
    deviceToken: (role: Role | null = 'member') => bearer('dfoa', user('device_token', role)),
    externalToken: () => bearer('dfoe', user('device_token', null)),
    apiKey: (scopes: KeyScope[] = [...defaultKeyScopes]) => {
      const credential = { kind: 'api_key' as const, id: randomUUID() }
      return bearer('obk', { kind: 'app', tenant_id, app_id: randomUUID(), user_id: null, scopes, credential })
    },
    session: async (role: Role | null = 'member', change: SessionChange = {}) => {
      const sid = randomUUID()
      held.set(sid, user('session', role, sid))
      const csrf = randomBytes(18).toString('base64url')
      return {
        csrf,
        cookie: `${sessionCookie}=${await signSession({ sid, csrf, tenant_id, ...change.payload }, change)}`
      }
    }
  }
}

export type SessionChange = { header?: Record<string, unknown>; payload?: Record<string, unknown>; key?: PlayedKey }

/** A session's JWT as it should be, but for what the test changes. */
const signSession = (claims: Record<string, unknown>, { header, key = sessionKey }: SessionChange) => {
  const now = Math.floor(Date.now() / 1000)
  const registered = { sub: randomUUID(), iss: publicUrl, aud: publicUrl, iat: now, exp: now + 600 }
  return new SignJWT({ ...registered, ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: sessionType, kid: key.signingKey.kid, ...header })
    .sign(key.signingKey.privateKey)
}

type Options = Partial<AppOptions> & { routes?: (app: App) => void }

/** An app of the kit with the test's routes; `logs` has every line it wrote. */
export const startApp = async (t: Test, { routes = () => {}, ...options }: Options = {}) => {
  const logs: string[] = []
  const app = await createApp({
    service: 'test-service',
    description: 'A service of this test',
    publicUrl,
    logLevel: 'debug',
    trustedProxies: [],
    authenticators: {},
    findSessionKey: async (kid) => (kid === sessionKey.publicKey.kid ? sessionKey.publicKey : undefined),
    dependencies: [],
    logTo: { write: (line) => void logs.push(line) },
    ...options
  })
  routes(app)
  await app.ready()
  t.teardown(() => app.close())
  return { app, logs }
}
