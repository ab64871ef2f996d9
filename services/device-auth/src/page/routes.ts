import type { ReportedError } from '@onbehalf/errors'
import { type App, beginError, callerOf, describeAnswersAs, typed, userOf } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'
import type { FastifyReply } from 'fastify'
import { type DecideTools, decide } from '../device-code/decide.ts'
import { deciders } from '../device-code/routes.ts'
import { UserCode } from '../device-code/schemas.ts'
import { readUserCode } from '../device-code/user-code.ts'
import type { Budgets } from '../limits/budgets.ts'
import { Decision } from './decision.ts'
import { keptCode, keptFailure, orKeepCode } from './kept.ts'
import { leaveFor } from './leave-for.ts'
import { pagePath } from './paths.ts'
import { problemOf } from './problem.ts'
import { script } from './script.ts'
import { sendView } from './send.ts'
import { choose, type ShowTools, show } from './show.ts'
import { type SsoPageTools, ssoPageRoutes } from './sso-routes.ts'
import type { DeviceView } from './view.ts'

export type PageTools = DecideTools &
  Omit<ShowTools, 'kept' | 'failure'> & { budgets: Budgets; publicUrl: string; sso: SsoPageTools }

const open = { access: 'public' } as const

const pageErrors = [
  ...(['expired_or_unknown', 'already_resolved', 'forbidden', 'too_many_requests'] as const),
  'insufficient_user_authentication',
  ...(['approval_outcome_unknown', 'user_code_not_pending'] as const)
] as const

/** The page where people decide about a device, under `/device`. */
export const pageRoutes = (given: PageTools) => async (scope: App) => {
  const tools = { ...given, kept: keptCode(given.publicUrl), failure: keptFailure(given.publicUrl) }
  describeAnswersAs(scope, 'page', pageErrors)
  scope.setErrorHandler((error: Error, request, reply) =>
    sendView(request, reply, problemView(beginError(error, request, reply)))
  )
  showRoute(scope, tools)
  continueRoute(scope, tools)
  decideRoute(scope, tools)
  scope.get('/choose', { config: open }, async (request, reply) => choose(request, reply, tools))
  scope.get('/approved', { config: open }, async (request, reply) => sendView(request, reply, { name: 'success' }))
  scope.get('/denied', { config: open }, async (request, reply) => sendView(request, reply, { name: 'denied' }))
  scriptRoute(scope)
  await scope.register(ssoPageRoutes(tools), { prefix: '/sso' })
}

const retryAfterSeconds = 60

const problemView = (error: ReportedError): DeviceView => {
  const name = problemOf(error)
  if (name === 'not_fresh') return { name, href: error.extras.connect_url ?? pagePath }
  if (name !== 'rate_limited') return { name }
  return { name, retry_after_seconds: error.extras.retry_after_seconds ?? retryAfterSeconds }
}

type Tools = PageTools & ShowTools

const Arrival = Type.Object({
  user_code: Type.Optional(Type.String({ maxLength: 256 })),
  sso_verified: Type.Optional(Type.String({ maxLength: 64 })),
  sso_error: Type.Optional(Type.String({ maxLength: 64 }))
})

const showRoute = (scope: App, tools: Tools) => {
  typed(scope).get('/', { config: open, schema: { querystring: Arrival } }, async (request, reply) => {
    if (Object.keys(request.query).length === 0) return show(request, reply, tools)
    // RFC 8628 §5.4: neither history nor a log keeps the code.
    takeOver(request.query, reply, tools)
    return leaveFor(reply, pagePath)
  })
}

/** Keeps what an address says in this browser; a code, or who an IdP says somebody is, takes the place of the other. */
const takeOver = (
  { user_code, sso_verified, sso_error }: Static<typeof Arrival>,
  reply: FastifyReply,
  { kept, failure, sso }: Tools
): void => {
  if (sso_error !== undefined) failure.keep(reply, sso_error)
  if (sso_verified !== undefined) kept.forget(reply)
  if (user_code === undefined) return
  sso.cookies.forgetApproval(reply)
  const code = readUserCode(user_code)
  if (code) kept.keep(reply, code)
  else kept.forget(reply)
}

// Open to all, as a link with a code is. It ends in a page of ours and never at an IdP: a browser refuses a form that is
// sent on to one (CSP form-action holds for redirects too).
const continueRoute = (scope: App, { kept, sso }: Tools) => {
  const body = Type.Object({ user_code: Type.String({ maxLength: 64 }) })
  typed(scope).post('/continue', { config: open, schema: { body } }, async (request, reply) => {
    const { user_code } = request.body
    const code = readUserCode(user_code)
    if (!code) return sendView(request, reply.status(400), { name: 'code_entry', malformed: user_code })
    sso.cookies.forgetApproval(reply)
    return leaveFor(kept.keep(reply, code), pagePath)
  })
}

const decideRoute = (scope: App, { budgets, kept, ...tools }: Tools) => {
  const body = Type.Object({ user_code: UserCode, decision: Decision })
  const options = { config: { access: deciders }, schema: { body }, preHandler: budgets.decision } as const
  typed(scope).post('/decide', options, async (request, reply) => {
    const { ip, id, log } = request
    const { user_code, decision } = request.body
    const who = { user: userOf(request), auth_time: callerOf(request).auth_time, return_to: pagePath }
    const asked = { user_code, status: decision, ...who, ip, request_id: id, log }
    await decide(asked, tools).catch(orKeepCode(kept, reply, user_code))
    return leaveFor(kept.forget(reply), `${pagePath}/${decision}`)
  })
}

const scriptSeconds = 3600

const scriptRoute = (scope: App) => {
  const response = { 200: { content: { 'text/javascript': { schema: Type.String() } } } } as const
  typed(scope).get('/format-code.js', { config: open, schema: { response } }, async (_request, reply) =>
    reply
      .type('text/javascript; charset=utf-8')
      .header('cache-control', `public, max-age=${scriptSeconds}`)
      .send(script)
  )
}
