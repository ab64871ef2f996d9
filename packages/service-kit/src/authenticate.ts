import type { Principal, ResolvedPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { accessOf, type CredentialKind, type Restricted, type RouteFact, securityOf } from './access.ts'
import { countFailures } from './failures.ts'
import { hashOf, isSameSecret } from './ids.ts'
import { requireRight } from './rights.ts'
import { readSession } from './session.ts'
import { cookieNamesFor } from './session-cookie.ts'

/** At once what is held, so that most requests wait for nobody. */
export type Resolving = ResolvedPrincipal | Promise<ResolvedPrincipal>

/** How each kind of credential becomes a principal; a service that leaves one out does not accept that kind. */
export type Authenticators = {
  session?: (session: { tenant_id: string; session_id: string }) => Resolving
  bearer?: (tokenHash: string) => Resolving
  api_key?: (keyHash: string) => Resolving
  /** Throws when the request does not carry the installation's secret. */
  inner?: (request: FastifyRequest) => Promise<void>
}

/** Who was found to be asking. `csrf` is set for a cookie session only. */
export type Caller = ResolvedPrincipal & { credential_hash: string | null; csrf: string | null }

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null
  }
  interface FastifyInstance {
    /** Every route of the app with who may call it. */
    routeTable: RouteFact[]
  }
}

/** Who is asking; only for routes that are not public. */
export const callerOf = (request: FastifyRequest): Caller => {
  if (request.caller) return request.caller
  throw new Error(`${request.method} ${request.routeOptions.url} is public: it has no caller`)
}

/** The principal, where it must be a person. */
export const userOf = (request: FastifyRequest): Extract<Principal, { kind: 'user' }> => {
  const { principal } = callerOf(request)
  if (principal.kind === 'user') return principal
  throw new ReportedError('forbidden', 'This is for signed-in users; an API key cannot do it.')
}

/** Puts authentication before every route of `app`, and refuses routes that do not say who may call them. */
export const registerAuthentication = (
  app: FastifyInstance,
  { publicUrl, authenticators }: { publicUrl: string; authenticators: Authenticators }
): void => {
  app.decorateRequest('caller', null)
  app.decorate('routeTable', [])
  app.addHook('onRoute', (route) => {
    const access = accessOf(route)
    route.schema = { ...route.schema, security: securityOf(access) }
    for (const method of [route.method].flat()) app.routeTable.push({ method, url: route.url, access })
  })
  const failures = countFailures()
  const sessionCookie = cookieNamesFor(publicUrl).session
  // Who shows nothing guesses nothing.
  const isShown = ({ headers, cookies }: FastifyRequest): boolean =>
    headers.authorization !== undefined || cookies[sessionCookie] !== undefined
  const enter = (access: Restricted, request: FastifyRequest, caller: Caller): undefined => {
    request.caller = caller
    requireRight(access, caller.principal)
  }
  const refuse = (error: unknown, request: FastifyRequest): never => {
    if (error instanceof ReportedError && error.status === 401 && isShown(request)) failures.add(request.ip)
    throw error
  }
  const requireCaller = (access: Restricted, request: FastifyRequest): Promise<void> | undefined => {
    failures.refuseIfMany(request.ip)
    try {
      const found = authenticate(access, authenticators, request)
      if (!(found instanceof Promise)) return enter(access, request, found)
      return found.then((caller) => enter(access, request, caller)).catch((error: unknown) => refuse(error, request))
    } catch (error) {
      return refuse(error, request)
    }
  }
  const requireAccess = (request: FastifyRequest): Promise<void> | undefined => {
    const access = request.routeOptions.config.access ?? 'public'
    if (access === 'public') return undefined
    if (access === 'inner') return requireInner(authenticators, request)
    if (access === 'renewal') return requireRenewal(request, publicUrl)
    return requireCaller(access, request)
  }
  app.addHook('onRequest', (request, _reply, done) => {
    const waiting = requireAccess(request)
    if (waiting === undefined) done()
    else waiting.then(() => done(), done)
  })
  app.addHook('preValidation', (request, _reply, done) => {
    requireCsrf(request, publicUrl)
    done()
  })
}

const requireInner = async ({ inner }: Authenticators, request: FastifyRequest): Promise<void> => {
  if (!inner) throw new ReportedError('not_found', 'There is nothing here.')
  await inner(request)
}

// There is no csrf value yet when a page renews first of all, so the browser itself has to say that the page is ours.
const requireRenewal = (request: FastifyRequest, publicUrl: string): undefined => {
  if (request.cookies[cookieNamesFor(publicUrl).renewal] === undefined) throw unauthenticated()
  if (request.headers.origin !== undefined && isFromUs(request, publicUrl)) return
  throw new ReportedError('csrf_rejected', 'A session is renewed from our own pages only.')
}

const authenticate = (
  { credentials }: Restricted,
  authenticators: Authenticators,
  request: FastifyRequest
): Caller | Promise<Caller> => {
  const shown = bearerOf(request.headers.authorization)
  const kind: CredentialKind = shown ? shown.kind : 'session'
  const resolve = shown && authenticators[shown.kind]
  if (!credentials.includes(kind) || (shown && !resolve)) throw notTaken(kind, credentials, request)
  if (!shown || !resolve) return bySession(authenticators, request)
  const hash = hashOf(shown.token)
  const found = resolve(hash)
  return found instanceof Promise ? found.then((resolved) => showing(hash, resolved)) : showing(hash, found)
}

const showing = (credential_hash: string, { principal, ticket, credential_expires_at }: ResolvedPrincipal): Caller => ({
  principal,
  ticket,
  credential_expires_at,
  credential_hash,
  csrf: null
})

const bySession = async ({ session }: Authenticators, request: FastifyRequest): Promise<Caller> => {
  if (!session) throw unauthenticated()
  const { tenant_id, sid, csrf, exp } = await readSession(request)
  const resolved = await session({ tenant_id, session_id: sid })
  // The session may live on; this credential of it is to be renewed.
  const credential_expires_at = Math.min(resolved.credential_expires_at, exp)
  return { ...resolved, credential_expires_at, credential_hash: null, csrf }
}

const bearerForm = /^Bearer +((?:dfoa|dfoe|obk)_[A-Za-z0-9_-]{43})$/i

/** The credential of an Authorization header, told apart by its form alone; a header of no known form is refused. */
const bearerOf = (header: string | undefined): { kind: 'bearer' | 'api_key'; token: string } | undefined => {
  if (header === undefined) return undefined
  const token = bearerForm.exec(header)?.[1]
  if (!token) throw invalidBearer()
  return { kind: token.startsWith('obk_') ? 'api_key' : 'bearer', token }
}

const invalidBearer = () =>
  new ReportedError('invalid_bearer', 'The bearer token is not valid here. Sign in again to get a new one.')
const unauthenticated = () =>
  new ReportedError('unauthenticated', 'Sign in first, or send a token as `Authorization: Bearer …`.')

const kindNames: Readonly<Record<CredentialKind, string>> = {
  session: "a signed-in browser's cookie",
  bearer: 'a device token (dfoa_… or dfoe_…)',
  api_key: 'an API key (obk_…)'
}

// Told by the form alone, before anything is looked up: it says nothing about whether the credential is good.
const notTaken = (kind: CredentialKind, credentials: readonly CredentialKind[], { headers }: FastifyRequest) => {
  const taken = credentials.map((one) => kindNames[one]).join(' or ')
  if (headers.authorization === undefined) return new ReportedError('unauthenticated', `This takes ${taken}.`)
  return new ReportedError('invalid_bearer', `This takes ${taken}, not ${kindNames[kind]}.`)
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

// A browser sends the cookie by itself; what it does not send by itself is the token the page was given.
const requireCsrf = (request: FastifyRequest, publicUrl: string): void => {
  const csrf = request.caller?.csrf
  const isSafe = safeMethods.has(request.method) && !request.routeOptions.config.isUnsafe
  if (!csrf || isSafe) return
  const given = request.headers['x-csrf-token'] ?? formField(request.body)
  if (isFromUs(request, publicUrl) && typeof given === 'string' && isSameSecret(given, csrf)) return
  throw new ReportedError('csrf_rejected', 'Repeat the csrf value of GET /auth/me in the header X-CSRF-Token.')
}

/**
 * Whether the page that sends this is ours, as far as the browser says. A form on a page without a referrer says
 * `Origin: null` (Fetch §3.2); where it came from is then in Sec-Fetch-Site, which no script can set.
 */
export const isFromUs = ({ headers }: FastifyRequest, publicUrl: string): boolean =>
  headers.origin === 'null'
    ? headers['sec-fetch-site'] === 'same-origin'
    : headers.origin === undefined || headers.origin === publicUrl

const formField = (body: unknown): unknown =>
  typeof body === 'object' && body !== null && 'csrf_token' in body ? body.csrf_token : undefined
