import { ReportedError } from '@onbehalf/errors'
import {
  type App,
  callerOf,
  describeAnswersAs,
  errorHandler,
  type FindVisitor,
  renderOAuthError,
  typed,
  userOf
} from '@onbehalf/service-kit'
import type { Static } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Budgets } from '../limits/budgets.ts'
import { type LookupTools, spendLookup } from '../limits/spend-lookup.ts'
import { type DecideTools, decide } from './decide.ts'
import { describeFlow, findFlow } from './find.ts'
import { type RedeemTools, redeem } from './redeem.ts'
import {
  DecisionAnswer,
  DecisionBody,
  LookupAnswer,
  LookupQuery,
  StartAnswer,
  StartBody,
  TokenAnswer,
  TokenBody
} from './schemas.ts'
import { type StartTools, start } from './start.ts'

export type DeviceCodeTools = StartTools &
  RedeemTools &
  DecideTools &
  LookupTools & { budgets: Budgets; findVisitor: FindVisitor }

/** RFC 8628 in the reference's shapes, under `/openapi/v1/oauth/device`. */
export const deviceCodeRoutes = (tools: DeviceCodeTools) => async (scope: App) => {
  describeAnswersAs(scope, 'oauth')
  scope.setErrorHandler(errorHandler(renderOAuthError))
  scope.addHook('onRequest', noStore)
  scope.addHook('preValidation', omitEmpty)
  startRoute(scope, tools)
  tokenRoute(scope, tools)
  lookupRoute(scope, tools)
  decisionRoute(scope, tools, 'approve', 'approved')
  decisionRoute(scope, tools, 'deny', 'denied')
}

// RFC 6749 §5.1
const noStore = async (_request: FastifyRequest, reply: FastifyReply) => {
  reply.header('cache-control', 'no-store').header('pragma', 'no-cache')
}

// RFC 6749 §3.1: a parameter without a value is one that was left out.
const omitEmpty = async (request: FastifyRequest) => {
  const { body, headers } = request
  if (!isForm(headers['content-type']) || typeof body !== 'object' || body === null) return
  request.body = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== ''))
}

const isForm = (type = ''): boolean => type.startsWith('application/x-www-form-urlencoded')

const startRoute = (scope: App, tools: DeviceCodeTools) => {
  const schema = { body: StartBody, response: { 200: StartAnswer } }
  // Counted before the body is looked at, so that a flood of bad ones ends too.
  const config = {
    access: 'public',
    errors: ['too_many_requests', 'unsupported_client', 'user_code_exhausted']
  } as const
  const options = { config, schema, onRequest: [tools.budgets.code, tools.budgets.siteCode] }
  typed(scope).post('/code', options, async ({ body, ip }) => {
    requireWholeChallenge(body)
    return start({ ...body, ip }, tools)
  })
}

// RFC 7636 §4.3: without a method a challenge would be `plain`, which proves nothing.
const requireWholeChallenge = ({ code_challenge, code_challenge_method }: Static<typeof StartBody>) => {
  if ((code_challenge === undefined) === (code_challenge_method === undefined)) return
  throw new ReportedError('invalid_request', 'Send code_challenge and code_challenge_method=S256 together.')
}

const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code'

/** RFC 8628 §3.5 and RFC 6749 §5.2. */
const tokenErrors = [
  ...(['authorization_pending', 'slow_down', 'access_denied', 'expired_token'] as const),
  ...(['unsupported_client', 'unsupported_grant_type'] as const)
] as const

const tokenRoute = (scope: App, tools: DeviceCodeTools) => {
  const options = {
    config: { access: 'public', errors: tokenErrors },
    schema: { body: TokenBody, response: { 200: TokenAnswer } }
  } as const
  typed(scope).post('/token', options, async ({ body, ip, id, log }) => {
    const { grant_type = deviceCodeGrant, ...asked } = body
    if (grant_type !== deviceCodeGrant)
      throw new ReportedError('unsupported_grant_type', `Send grant_type=${deviceCodeGrant}, or none.`)
    return redeem({ ...asked, ip, request_id: id, log }, tools)
  })
}

const unknownCode = { valid: false, expires_in_remaining: 0, client_id: null }

const lookupRoute = (scope: App, { findVisitor, ...tools }: DeviceCodeTools) => {
  const schema = { querystring: LookupQuery, response: { 200: LookupAnswer } }
  const options = { config: { access: 'public', errors: ['too_many_requests'] }, schema } as const
  typed(scope).get('/lookup', options, async (request) => {
    const visitor = await findVisitor(request)
    await spendLookup(request, visitor, tools)
    const found = await findFlow(request.query.user_code, tools)
    if (found?.flow.status !== 'pending') return unknownCode
    const { valid, expires_in_remaining, client_id, ...details } = describeFlow(found)
    // Where a device is and what it is called is for the people who decide.
    return { valid, expires_in_remaining, client_id, ...(visitor ? details : {}) }
  })
}

/** Members decide, in a browser: a token of a device cannot let in the next one. */
export const deciders = { credentials: ['session'], roles: ['owner', 'admin', 'member'] } as const

const decisionRoute = (
  scope: App,
  { budgets, ...tools }: DeviceCodeTools,
  verb: 'approve' | 'deny',
  status: 'approved' | 'denied'
) => {
  const schema = { body: DecisionBody, response: { 200: DecisionAnswer } }
  const config = {
    access: deciders,
    errors: [
      ...(['expired_or_unknown', 'already_resolved', 'approval_outcome_unknown'] as const),
      ...(status === 'approved' ? (['insufficient_user_authentication'] as const) : [])
    ]
  } as const
  const options = { config, schema, preHandler: budgets.decision } as const
  typed(scope).post(`/${verb}`, options, async (request) => {
    const { body, ip, id, log } = request
    const { auth_time } = callerOf(request)
    const return_to = `/device?${new URLSearchParams({ user_code: body.user_code })}`
    return decide({ ...body, status, user: userOf(request), auth_time, return_to, ip, request_id: id, log }, tools)
  })
}
