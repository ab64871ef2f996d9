import {
  type App,
  auditContextOf,
  describeAnswersAs,
  type FindVisitor,
  isOutdated,
  renewalPath,
  sendPage,
  showErrorsAs,
  typed,
  userOf,
  wordOf
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyReply } from 'fastify'
import { perMinute, registerLimits } from '../limits.ts'
import { returnToMax } from '../sign-in/return-to.ts'
import { failureView } from '../sign-in/views.ts'
import type { UserStore } from '../users/store.ts'
import { visitorOf } from '../users/visitor.ts'
import type { AllowLink } from './allow.ts'
import type { IsCovered } from './covered.ts'
import type { FindConnect } from './find.ts'
import { connectPath, type Opened } from './path.ts'
import { pageOf } from './show.ts'
import { isFor, stepOf } from './step.ts'
import { allowedView, nothingView, staleView } from './view.ts'

const Link = Type.String({ maxLength: 8192 })
/** Another registered URL of the app than its first. */
const ReturnUrl = Type.Optional(Type.String({ maxLength: 2048 }))
const Query = Type.Object({
  link: Type.Optional(Link),
  return_url: ReturnUrl,
  outcome: Type.Optional(wordOf('signed_in', 'somebody_else')),
  is_renewed: Type.Optional(Type.Boolean())
})
const Allowed = Type.Object(
  { link: Link, return_url: ReturnUrl, csrf_token: Type.String() },
  { additionalProperties: false }
)

/** From one address, on one replica: each costs some look-ups, and a question to mcp-provider. */
const opensPerMinute = 120

type Needs = {
  findConnect: FindConnect
  findVisitor: FindVisitor
  users: Pick<UserStore, 'findWithRole'>
  isCovered: IsCovered
  allowLink: AllowLink
}

/** Where a user lands whose app was refused: what it names comes from the signed link, and from nothing else. */
export const connectRoutes = (needs: Needs) => async (scope: App) => {
  describeAnswersAs(scope, 'page', ['not_found'])
  showErrorsAs(scope, (error, request_id) => (isOutdated(error) ? staleView : failureView(error, request_id)))
  await registerLimits(scope, 'Too many links are opened from your address.')
  askRoute(scope, needs)
  allowRoute(scope, needs)
}

const askRoute = (scope: App, { findConnect, findVisitor, users, isCovered }: Needs) => {
  const config = { access: 'public', ...perMinute(opensPerMinute) } as const
  typed(scope).get('/connect', { config, schema: { querystring: Query } }, async (request, reply) => {
    const { link, outcome, is_renewed } = request.query
    const connect = link === undefined ? undefined : await findConnect(link, request.query.return_url)
    if (link === undefined || !connect) return sendPage(reply.status(link ? 404 : 200), nothingView)
    const opened = openedOf({ ...request.query, link })
    const found = await findVisitor(request)
    const visitor = found?.principal.kind === 'user' ? await visitorOf(users, found.principal) : undefined
    const back = connectPath(opened, { ...(outcome ? { outcome } : {}), is_renewed: 'true' })
    // From a longer one nobody comes back: its reader signs in, which takes the link itself.
    if (!visitor && !is_renewed && back.length <= returnToMax)
      return leave(reply, `${renewalPath(back)}&is_optional=true`)
    const reached = stepOf(connect, visitor, outcome)
    const isCallable = reached !== 'done' || !visitor || (await isCovered(connect, visitor))
    const step = isCallable ? reached : 'nothing_left'
    if (step === 'done' && connect.return_url) return leave(reply, connect.return_url)
    return sendPage(reply, pageOf[step]({ connect, opened, visitor, csrf: found?.csrf ?? '' }))
  })
}

const allowRoute = (scope: App, { findConnect, users, allowLink }: Needs) => {
  const config = { access: { credentials: ['session'] }, ...perMinute(opensPerMinute) } as const
  typed(scope).post('/connect', { config, schema: { body: Allowed } }, async (request, reply) => {
    const opened = openedOf(request.body)
    const connect = await findConnect(opened.link, opened.return_url)
    if (!connect?.linking) return sendPage(reply.status(404), nothingView)
    const visitor = await visitorOf(users, userOf(request))
    if (!isFor(connect, visitor))
      return sendPage(reply.status(403), pageOf.somebody_else({ connect, opened, visitor, csrf: '' }))
    const { linking, return_url } = connect
    const to = await allowLink(linking, return_url, { user_id: visitor.id, by: auditContextOf(request) })
    return to ? leave(reply, to) : sendPage(reply, allowedView(linking.app.name))
  })
}

const openedOf = ({ link, return_url }: { link: string; return_url?: string }): Opened => ({
  link,
  ...(return_url ? { return_url } : {})
})

const leave = (reply: FastifyReply, to: string): FastifyReply =>
  reply.header('cache-control', 'no-store').redirect(to, 303)
