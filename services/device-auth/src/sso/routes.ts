import { type ErrorCode, ReportedError } from '@onbehalf/errors'
import { type App, beginError, describeAnswersAs, errorHandler, renderOAuthError, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { DecisionAnswer, DecisionBody } from '../device-code/schemas.ts'
import type { SignInPath } from '../settings/require-fresh.ts'
import { type ApprovalTools, showApproval } from './approval.ts'
import { type CompleteTools, completeSso } from './complete.ts'
import type { SsoCookies } from './cookies.ts'
import { decideBySso, type SsoDecideTools } from './decide.ts'
import { CompleteQuery, ContextAnswer, StartQuery } from './schemas.ts'
import { type SsoStartTools, startSso } from './start.ts'

export type SsoTools = SsoStartTools &
  CompleteTools &
  ApprovalTools &
  SsoDecideTools & {
    cookies: SsoCookies
    /** Whether the licence covers single sign-on now. */
    isSsoOpen: () => boolean
  }

const open = { access: 'public' } as const
const starting = {
  ...open,
  errors: ['invalid_user_code', 'identity_provider_unavailable', 'sso_initiate_failed']
} as const
const toIdp = Type.Null({ description: 'To the identity provider' })

const decisionErrors = [
  ...(['invalid_session', 'session_already_consumed', 'csrf_mismatch', 'email_belongs_to_member'] as const),
  ...(['user_code_mismatch', 'user_code_not_pending', 'state_lost', 'approval_outcome_unknown'] as const),
  'insufficient_user_authentication',
  ['user_code_not_pending', 404]
] as const

/** Signing a device in as somebody an IdP knows and who is no member; without the licence there is no such place. */
export const ssoRoutes = (tools: SsoTools) => async (scope: App) => {
  describeAnswersAs(scope, 'oauth', ['not_found', 'too_many_requests'])
  scope.setErrorHandler(errorHandler(renderOAuthError))
  // Before anything is counted: nobody learns by a limit that there is something.
  scope.addHook('onRequest', async () => {
    if (!tools.isSsoOpen()) throw new ReportedError('not_found', 'There is nothing here.')
  })
  scope.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('pragma', 'no-cache')
  })
  const start = { config: starting, schema: { querystring: StartQuery, response: { 303: toIdp } } }
  typed(scope).get('/sso-initiate', start, async (request, reply) => {
    await startSso(request, reply, request.query, tools)
  })
  const context = { config: { ...open, errors: ['no_session'] }, schema: { response: { 200: ContextAnswer } } } as const
  typed(scope).get('/approval-context', context, async (request) => {
    const { flow, shown } = await showApproval(request, tools)
    return { ...shown, ...flow }
  })
  decisionRoute(scope, tools, '/approve-external', 'approved')
  decisionRoute(scope, tools, '/deny-external', 'denied')
}

const decisionRoute = (scope: App, tools: SsoTools, path: string, status: 'approved' | 'denied') => {
  const schema = { body: DecisionBody, response: { 200: DecisionAnswer } }
  typed(scope).post(path, { config: { ...open, errors: decisionErrors }, schema }, async (request, reply) => {
    const given = request.headers['x-csrf-token']
    const csrf_token = typeof given === 'string' ? given : undefined
    const { user_code } = request.body
    const signIn: SignInPath = (asked) =>
      `/openapi/v1/oauth/device/sso-initiate?${new URLSearchParams({ user_code, ...asked })}`
    const decided = await decideBySso(request, { user_code, csrf_token, status, signIn }, tools)
    tools.cookies.forgetApproval(reply)
    return decided
  })
}

/** Where identity-broker sends the browser: it ends at the page, always, and with a word that the page knows. */
export const ssoCompleteRoutes = (tools: SsoTools) => async (scope: App) => {
  describeAnswersAs(scope, 'page or json', ['not_found'])
  scope.addHook('onRequest', async (_request, reply) => (tools.isSsoOpen() ? undefined : reply.callNotFound()))
  scope.setErrorHandler((error: Error, request, reply) =>
    toPage(reply, tools, { sso_error: told(beginError(error, request, reply).code) })
  )
  const schema = { querystring: CompleteQuery }
  typed(scope).get('/sso-complete', { config: open, schema }, async (request, reply) => {
    const { sso_assertion, sso_error } = request.query
    if (sso_assertion === undefined) return toPage(reply, tools, { sso_error: told(sso_error) })
    const { id, nonce } = await completeSso(cameWith(request, sso_assertion, tools), tools)
    tools.cookies.keepApproval(tools.cookies.forgetFlow(reply, nonce), id)
    return toPage(reply, tools, { sso_verified: '1' })
  })
}

const cameWith = (request: FastifyRequest, assertion: string, { cookies }: SsoTools) => ({
  assertion,
  heldFor: (nonce: string) => cookies.flowOf(request, nonce),
  ip: request.ip,
  request_id: request.id
})

const words = ['email_belongs_to_member', 'invalid_sso_assertion', 'user_code_not_pending'] satisfies ErrorCode[]

/** What the page is told of an error; everything else is `sso_failed`. */
const told = (code: string | undefined): string => words.find((word) => word === code) ?? 'sso_failed'

const toPage = (reply: FastifyReply, { publicUrl }: SsoTools, told: Record<string, string>) =>
  reply.header('cache-control', 'no-store').redirect(`${publicUrl}/device?${new URLSearchParams(told)}`, 303)
