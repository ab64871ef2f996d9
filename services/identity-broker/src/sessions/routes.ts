import { Role, Uuid } from '@onbehalf/contracts'
import { PublicKey } from '@onbehalf/rpc'
import { type App, anyUser, callerOf, type SigningKeys, typed, userOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { Session } from '../database.ts'
import type { UserStore } from '../users/store.ts'
import type { SessionStore } from './store.ts'

const DateTime = Type.String({ format: 'date-time' })

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
  /** When what was shown ends; a session's cookie is renewed before. */
  expires_at: DateTime,
  session: Type.Union([
    Type.Object({
      id: Uuid,
      /** Without being renewed it ends then. */
      renewable_until: DateTime,
      /** However often it is renewed, it ends then. */
      ends_at: DateTime
    }),
    Type.Null()
  ])
})

type Needs = {
  users: Pick<UserStore, 'findWithRole'>
  sessions: Pick<SessionStore, 'findLive'>
  sessionKeys: Pick<SigningKeys, 'publicKeys'>
}

/** Who is signed in, and the keys sessions are signed with. */
export const sessionRoutes = (app: App, { users, sessions, sessionKeys }: Needs): void => {
  const routes = typed(app)

  routes.get('/auth/me', { config: { access: anyUser }, schema: { response: { 200: Me } } }, async (request, reply) => {
    const { tenant_id, user_id, role } = userOf(request)
    const { csrf, credential_expires_at, principal } = callerOf(request)
    const [found, live] = await Promise.all([
      users.findWithRole(tenant_id, user_id),
      sessions.findLive(tenant_id, principal.credential.id)
    ])
    if (!found) throw new Error('a principal without a user')
    const { id, email, name, tenant_name } = found
    reply.header('cache-control', 'no-store')
    return {
      user: { id, email, name },
      tenant: { id: tenant_id, name: tenant_name },
      role,
      csrf,
      expires_at: new Date(credential_expires_at * 1000).toISOString(),
      session: live ? lifeOf(live) : null
    }
  })

  routes.get(
    '/auth/jwks.json',
    { config: { access: 'public' }, schema: { response: { 200: Type.Object({ keys: Type.Array(PublicKey) }) } } },
    async (_request, reply) => {
      reply.header('cache-control', 'public, max-age=300')
      return { keys: sessionKeys.publicKeys() }
    }
  )
}

const lifeOf = ({ id, idle_until, expires_at }: Pick<Session, 'id' | 'idle_until' | 'expires_at'>) => ({
  id,
  renewable_until: idle_until.toISOString(),
  ends_at: expires_at.toISOString()
})
