import { Role, Uuid } from '@onbehalf/contracts'
import { PublicKey } from '@onbehalf/rpc'
import { type App, anyUser, callerOf, cookieNamesFor, type SigningKeys, typed, userOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { UserStore } from '../users/store.ts'
import type { SessionStore } from './store.ts'

const Me = Type.Object({
  user: Type.Object({
    id: Uuid,
    email: Type.Union([Type.String(), Type.Null()]),
    name: Type.Union([Type.String(), Type.Null()])
  }),
  tenant: Type.Object({ id: Uuid, name: Type.String() }),
  role: Type.Union([Role, Type.Null()]),
  /** To be repeated in X-CSRF-Token on every unsafe request. */
  csrf: Type.Union([Type.String(), Type.Null()]),
  expires_at: Type.String({ format: 'date-time' })
})

const browser = { credentials: ['session'] } as const

type Needs = {
  users: Pick<UserStore, 'findWithRole'>
  sessions: Pick<SessionStore, 'end'>
  publicUrl: string
  sessionKeys: Pick<SigningKeys, 'publicKeys'>
  onEnded: (sessionId: string) => Promise<void>
}

/** Who is signed in, signing out, and the keys sessions are signed with. */
export const sessionRoutes = (app: App, { users, sessions, publicUrl, sessionKeys, onEnded }: Needs): void => {
  const routes = typed(app)
  const { session: cookieName, isSecure } = cookieNamesFor(publicUrl)

  routes.get('/auth/me', { config: { access: anyUser }, schema: { response: { 200: Me } } }, async (request, reply) => {
    const { tenant_id, user_id, role } = userOf(request)
    const { csrf, credential_expires_at } = callerOf(request)
    const found = await users.findWithRole(tenant_id, user_id)
    if (!found) throw new Error('a principal without a user')
    const { id, email, name, tenant_name } = found
    reply.header('cache-control', 'no-store')
    const expires_at = new Date(credential_expires_at * 1000).toISOString()
    return { user: { id, email, name }, tenant: { id: tenant_id, name: tenant_name }, role, csrf, expires_at }
  })

  routes.post(
    '/auth/sign-out',
    { config: { access: browser }, schema: { response: { 204: Type.Null() } } },
    async (request, reply) => {
      const { tenant_id, credential } = callerOf(request).principal
      await sessions.end(tenant_id, credential.id)
      await onEnded(credential.id)
      reply.clearCookie(cookieName, { path: '/', secure: isSecure, httpOnly: true, sameSite: 'lax' })
      return reply.status(204).send(null)
    }
  )

  routes.get(
    '/auth/jwks.json',
    { config: { access: 'public' }, schema: { response: { 200: Type.Object({ keys: Type.Array(PublicKey) }) } } },
    async (_request, reply) => {
      reply.header('cache-control', 'public, max-age=300')
      return { keys: await sessionKeys.publicKeys() }
    }
  )
}
