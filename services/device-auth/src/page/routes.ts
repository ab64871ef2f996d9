import { ReportedError } from '@onbehalf/errors'
import { type App, beginError, sendPage, typed, userOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { type DecideTools, decide } from '../device-code/decide.ts'
import { deciders } from '../device-code/routes.ts'
import { UserCode } from '../device-code/schemas.ts'
import { readUserCode } from '../device-code/user-code.ts'
import type { Budgets } from '../limits/budgets.ts'
import { keptCode } from './kept-code.ts'
import { type ShowTools, show } from './show.ts'
import { approved, denied, failure } from './views.ts'

export type PageTools = DecideTools & Omit<ShowTools, 'kept'> & { budgets: Budgets; publicUrl: string }

const Status = Type.Union([Type.Literal('approved'), Type.Literal('denied')])

/** The page where people decide about a device, under `/device`. */
export const pageRoutes = (given: PageTools) => async (scope: App) => {
  const tools = { ...given, kept: keptCode(given.publicUrl) }
  const open = { access: 'public' } as const
  scope.setErrorHandler((error: Error, request, reply) =>
    sendPage(reply, failure(beginError(error, request, reply).code))
  )
  showRoute(scope, tools)
  continueRoute(scope, tools)
  decideRoute(scope, tools)
  scope.get('/approved', { config: open }, async (_request, reply) => sendPage(reply, approved))
  scope.get('/denied', { config: open }, async (_request, reply) => sendPage(reply, denied))
}

type Tools = PageTools & ShowTools

const showRoute = (scope: App, tools: Tools) => {
  const querystring = Type.Object({ user_code: Type.Optional(Type.String({ maxLength: 256 })) })
  const options = { config: { access: 'public' }, schema: { querystring } } as const
  typed(scope).get('/', options, async (request, reply) => {
    const { user_code } = request.query
    if (user_code === undefined) return show(request, reply, tools)
    // RFC 8628 §5.4: neither history nor a log keeps the code.
    const code = readUserCode(user_code)
    if (code) tools.kept.keep(reply, code)
    else tools.kept.forget(reply)
    return reply.header('cache-control', 'no-store').redirect('/device', 303)
  })
}

// These end in a page or at /device, never in a sign-in: a browser refuses a form that is sent on to an IdP
// (CSP form-action holds for redirects too).
const continueRoute = (scope: App, { kept }: Tools) => {
  const options = {
    config: { access: { credentials: ['session'] } },
    schema: { body: Type.Object({ user_code: UserCode }) }
  } as const
  typed(scope).post('/continue', options, async ({ body }, reply) => {
    const code = readUserCode(body.user_code)
    if (!code) throw new ReportedError('expired_or_unknown', 'This is not a code of ours.')
    return kept.keep(reply, code).header('cache-control', 'no-store').redirect('/device', 303)
  })
}

const decideRoute = (scope: App, { budgets, kept, ...tools }: Tools) => {
  const body = Type.Object({ user_code: UserCode, decision: Status })
  const options = { config: { access: deciders }, schema: { body }, preHandler: budgets.decision } as const
  typed(scope).post('/decide', options, async (request, reply) => {
    const { ip, id, log } = request
    const { user_code, decision } = request.body
    const user = userOf(request)
    await decide({ user_code, status: decision, user, ip, request_id: id, log }, tools)
    return kept.forget(reply).header('cache-control', 'no-store').redirect(`/device/${decision}`, 303)
  })
}
