import { ReportedError } from '@onbehalf/errors'
import {
  type App,
  countFailures,
  describeAnswersAs,
  errorHandler,
  renderOAuthError,
  typed
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { charactersMax } from '../connections/verify-jwt.ts'
import type { LogOut } from './log-out.ts'

const word = Type.String({ minLength: 1, maxLength: 64 })
const Body = Type.Object({ logout_token: Type.String({ minLength: 1, maxLength: charactersMax }) })

const nothing = Type.Unsafe<undefined>({ type: 'null' })

/** Where identity providers say who signed out there (OpenID Connect Back-Channel Logout 1.0 §2.5). */
export const backChannelRoutes = (logOut: LogOut) => async (scope: App) => {
  // An IdP may end thousands of sessions at once; what is limited is how often somebody may try.
  const failures = countFailures()
  describeAnswersAs(scope, 'oauth', ['too_many_requests'])
  scope.setErrorHandler(errorHandler(renderOAuthError))
  const route = {
    config: { access: 'public' },
    // To read a form of a MiB takes 0.2 s, and anybody may send one.
    bodyLimit: charactersMax + 16 * 1024,
    schema: { params: Type.Object({ tenant: word, connection: word }), body: Body, response: { 200: nothing } }
  } as const
  typed(scope).post('/auth/back-channel-logout/:tenant/:connection', route, async (request, reply) => {
    const { id: request_id, ip, params, body } = request
    failures.refuseIfMany(ip)
    await logOut(params, body.logout_token, { request_id, ip }).catch((error: unknown) => {
      if (error instanceof ReportedError && error.status < 500) failures.add(ip)
      throw error
    })
    return reply.header('cache-control', 'no-store').status(200).send()
  })
}
