import { ReportedError } from '@onbehalf/errors'
import { type App, describeAnswersAs, showErrorsAs, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { perMinute, registerLimits } from '../limits.ts'
import { ownPath, ReturnTo } from '../sign-in/return-to.ts'
import { failureView } from '../sign-in/views.ts'
import type { SessionCookies } from './cookies.ts'
import type { Issued } from './issue.ts'
import type { RenewSession } from './renew.ts'

const Query = Type.Object({
  return_to: ReturnTo,
  tenant: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  /** Comes back also without a session, where a page is for everybody but says who is signed in. */
  is_optional: Type.Optional(Type.Boolean())
})

const Renewed = Type.Object({
  csrf: Type.String(),
  expires_at: Type.String({ format: 'date-time' }),
  renewable_until: Type.String({ format: 'date-time' })
})

/** From one address, on one replica. */
const renewalsPerMinute = 240

type Needs = { renewSession: RenewSession; sessionCookies: SessionCookies; publicUrl: string }

/** Renewing a session: by a script, and on the way to a page where there is none. */
export const renewRoutes = (needs: Needs) => async (scope: App) => {
  await registerLimits(scope, 'Too many sessions are renewed from your address.')
  await scope.register(scriptRoute(needs))
  await scope.register(pageRoute(needs))
}

const scriptRoute =
  ({ renewSession, sessionCookies }: Needs) =>
  async (scope: App) => {
    typed(scope).post(
      '/auth/session/renew',
      {
        config: { access: 'renewal', ...perMinute(renewalsPerMinute) },
        // All that counts is the cookie.
        bodyLimit: 1_024,
        schema: { response: { 200: Renewed } }
      },
      async (request, reply) => {
        const issued = await renew(request, reply, { renewSession, sessionCookies })
        const { csrf, expires_at, renewable_until } = issued
        return { csrf, expires_at: expires_at.toISOString(), renewable_until: renewable_until.toISOString() }
      }
    )
  }

const pageRoute =
  ({ publicUrl, ...needs }: Needs) =>
  async (scope: App) => {
    describeAnswersAs(scope, 'page')
    showErrorsAs(scope, failureView)
    typed(scope).get(
      '/auth/renew',
      { config: { access: 'public', ...perMinute(renewalsPerMinute) }, schema: { querystring: Query } },
      async (request, reply) => {
        const { tenant, is_optional } = request.query
        const return_to = ownPath(request.query.return_to, publicUrl)
        const isRenewed = await renew(request, reply, needs).then(() => true, orNobody)
        const signIn = `/auth/sign-in?${new URLSearchParams({ return_to, ...(tenant ? { tenant } : {}) })}`
        return reply.header('cache-control', 'no-store').redirect(isRenewed || is_optional ? return_to : signIn, 303)
      }
    )
  }

const renew = async (
  request: FastifyRequest,
  reply: FastifyReply,
  { renewSession, sessionCookies }: Pick<Needs, 'renewSession' | 'sessionCookies'>
): Promise<Issued> => {
  const by = { request_id: request.id, ip: request.ip }
  const issued = await renewSession(sessionCookies.renewalOf(request) ?? '', by).catch((error: unknown) => {
    if (isUnauthenticated(error)) sessionCookies.clear(reply)
    throw error
  })
  sessionCookies.set(reply, issued)
  return issued
}

const isUnauthenticated = (error: unknown) => error instanceof ReportedError && error.code === 'unauthenticated'

const orNobody = (error: unknown): false => {
  if (isUnauthenticated(error)) return false
  throw error
}
