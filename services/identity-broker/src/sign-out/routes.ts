import { randomBytes } from 'node:crypto'
import {
  type App,
  beginError,
  cookieNamesFor,
  describeAnswersAs,
  errorHandler,
  type FindVisitor,
  isSameSecret,
  renderError,
  renewalPath,
  sendPage,
  typed,
  userOf,
  wordOf
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import type { SessionCookies } from '../sessions/cookies.ts'
import type { SessionEnds } from '../sessions/end.ts'
import type { SessionStore } from '../sessions/store.ts'
import { nameOf } from '../users/name.ts'
import type { UserStore } from '../users/store.ts'
import { visitorOf } from '../users/visitor.ts'
import type { IdpSignOut } from './at-idp.ts'
import { signOut } from './end.ts'
import { signedOutView, signOutFailure, signOutView } from './views.ts'

type Needs = {
  users: Pick<UserStore, 'findWithRole'>
  sessions: Pick<SessionStore, 'find'>
  sessionEnds: Pick<SessionEnds, 'end' | 'endAll'>
  sessionCookies: SessionCookies
  idpSignOut: IdpSignOut
  findVisitor: FindVisitor
  publicUrl: string
}

/** Signing out, for scripts and for people: it ends sessions, and leaves grants as they are. */
export const signOutRoutes = (needs: Needs) => async (scope: App) => {
  describeAnswersAs(scope, 'page or json')
  scope.setErrorHandler((thrown: Error, request, reply) => {
    if (request.method !== 'GET' && !isForm(request)) return errorHandler(renderError)(thrown, request, reply)
    return sendPage(reply, signOutFailure(beginError(thrown, request, reply).code === 'unauthenticated'))
  })
  askRoute(scope, needs)
  endRoute(scope, needs)
  doneRoute(scope, needs)
}

const askRoute = (scope: App, { users, sessions, idpSignOut, findVisitor }: Needs) => {
  const querystring = Type.Object({ is_renewed: Type.Optional(Type.Boolean()) })
  const route = { config: { access: 'public' }, schema: { querystring } } as const
  typed(scope).get('/auth/sign-out', route, async (request, reply) => {
    const visitor = await findVisitor(request)
    if (!visitor && !request.query.is_renewed)
      return reply.redirect(`${renewalPath('/auth/sign-out?is_renewed=true')}&is_optional=true`, 303)
    if (visitor?.principal.kind !== 'user') return sendPage(reply, signedOutView({ isAtIdp: false }))
    const { tenant_id, credential } = visitor.principal
    const [user, session] = await Promise.all([
      visitorOf(users, visitor.principal),
      sessions.find(tenant_id, credential.id)
    ])
    if (!session) throw new Error('a session that is not kept')
    const isOfferedAtIdp = await idpSignOut.isOffered(session)
    const shown = { person: nameOf(user), tenant: user.tenant_name, csrf: visitor.csrf, isOfferedAtIdp }
    return sendPage(reply, signOutView(shown))
  })
}

const Asked = Type.Object(
  {
    where: Type.Optional(wordOf('here', 'everywhere', 'identity_provider')),
    csrf_token: Type.Optional(Type.String())
  },
  { additionalProperties: false }
)
/** Where the browser goes to sign out at the IdP; null where that cannot be had. */
const Location = Type.Object({ location: Type.Union([Type.String(), Type.Null()]) })

const endRoute = (scope: App, { sessionCookies, publicUrl, ...needs }: Needs) => {
  const route = {
    config: { access: { credentials: ['session'] } },
    schema: { body: Type.Union([Asked, Type.Null()]), response: { 200: Location, 204: Type.Null() } }
  } as const
  const { name, options } = stateCookie(publicUrl)
  typed(scope).post('/auth/sign-out', route, async (request, reply) => {
    const { where = 'here' } = request.body ?? {}
    const state = randomBytes(24).toString('base64url')
    const { id, ip, log } = request
    const location = await signOut(needs, userOf(request), { where, state, by: { request_id: id, ip }, log })
    sessionCookies.clear(reply)
    if (location) reply.setCookie(name, state, { ...options, maxAge: 600 })
    if (isForm(request)) return reply.redirect(location ?? '/auth/signed-out', 303)
    if (where === 'identity_provider') return { location: location ?? null }
    return reply.status(204).send(null)
  })
}

const doneRoute = (scope: App, { publicUrl }: Needs) => {
  const querystring = Type.Object({ state: Type.Optional(Type.String({ maxLength: 256 })) })
  const route = { config: { access: 'public' }, schema: { querystring } } as const
  const { name, options } = stateCookie(publicUrl)
  typed(scope).get('/auth/signed-out', route, async ({ query: { state }, cookies }, reply) => {
    const expected = cookies[name]
    // RP-Initiated Logout §3: the state of this browser's own request comes back only from where that led.
    const isAtIdp = state !== undefined && expected !== undefined && isSameSecret(state, expected)
    return sendPage(reply.clearCookie(name, options), signedOutView({ isAtIdp }))
  })
}

const stateCookie = (publicUrl: string) => {
  const { signOut: name, isSecure } = cookieNamesFor(publicUrl)
  return { name, options: { path: '/', secure: isSecure, httpOnly: true, sameSite: 'lax' } as const }
}

const isForm = ({ headers }: FastifyRequest): boolean =>
  headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true
