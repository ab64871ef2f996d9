import { ReportedError } from '@onbehalf/errors'
import { type App, describeAnswersAs, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { UserCode } from '../device-code/schemas.ts'
import type { SsoCookies } from '../sso/cookies.ts'
import { decideBySso, type SsoDecideTools } from '../sso/decide.ts'
import { MaxAge } from '../sso/schemas.ts'
import { type SsoStartTools, startSso } from '../sso/start.ts'
import { Decision } from './decision.ts'
import { type Kept, orKeepCode } from './kept.ts'
import { leaveFor } from './leave-for.ts'
import { pagePath } from './paths.ts'
import { sendView } from './send.ts'
import { ssoAgain } from './show-sso.ts'

export type SsoPageTools = SsoStartTools & SsoDecideTools & { cookies: SsoCookies; isSsoOpen: () => boolean }

type Tools = { sso: SsoPageTools; kept: Kept }

const open = { access: 'public' } as const

const ssoErrors = [
  ...(['invalid_user_code', 'user_code_mismatch', 'invalid_session', 'session_already_consumed'] as const),
  ...(['csrf_mismatch', 'email_belongs_to_member', 'state_lost', 'sso_initiate_failed'] as const),
  ['user_code_not_pending', 404]
] as const

/** The page for people whom an IdP identifies; without the licence it leads to the page for members. */
export const ssoPageRoutes = (tools: Tools) => async (scope: App) => {
  describeAnswersAs(scope, 'page', ssoErrors)
  scope.addHook('onRequest', async (_request, reply) => (tools.sso.isSsoOpen() ? undefined : leaveFor(reply, pagePath)))
  startRoute(scope, tools)
  decideRoute(scope, tools)
}

const startRoute = (scope: App, { sso, kept }: Tools) => {
  const querystring = Type.Object({
    tenant: Type.Optional(Type.String({ maxLength: 64 })),
    max_age: Type.Optional(MaxAge)
  })
  typed(scope).get('/', { config: open, schema: { querystring } }, async (request, reply) => {
    const user_code = kept.read(request)
    if (user_code === undefined) return leaveFor(reply, pagePath)
    const { tenant, ...fresh } = request.query
    const asked = { user_code, ...(tenant ? { tenant } : {}), ...fresh }
    return startSso(request, reply, asked, sso).catch((error: unknown) => askWhere(error, request, reply, tenant))
  })
}

/** Where several organisations sign in, and neither the device nor its user has said which. */
const askWhere = (error: unknown, request: FastifyRequest, reply: FastifyReply, tenant: string | undefined) => {
  if (!(error instanceof ReportedError) || error.code !== 'invalid_request') throw error
  const unknown = tenant ? { unknown: tenant } : {}
  return sendView(request, reply.status(tenant ? 400 : 200), { name: 'organisation', ...unknown })
}

// The cookie says whom an IdP identified here; decideBySso looks at the token and the origin that go with it.
const decideRoute = (scope: App, { sso, kept }: Tools) => {
  const body = Type.Object({ user_code: UserCode, decision: Decision, csrf_token: Type.Optional(Type.String()) })
  typed(scope).post('/decide', { config: open, schema: { body } }, async (request, reply) => {
    const { user_code, decision, csrf_token } = request.body
    const asked = { user_code, csrf_token, status: decision, signIn: ssoAgain }
    await decideBySso(request, asked, sso).catch(orKeepCode(kept, reply, user_code))
    kept.forget(reply)
    sso.cookies.forgetApproval(reply)
    return leaveFor(reply, `${pagePath}/${decision}`)
  })
}
