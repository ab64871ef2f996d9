import {
  type App,
  auditContextOf,
  beginError,
  type FindVisitor,
  renewalPath,
  sendPage,
  typed,
  userOf,
  wordOf
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyReply } from 'fastify'
import { perMinute, registerLimits } from '../limits.ts'
import { failureView } from '../sign-in/views.ts'
import { nameOf } from '../users/name.ts'
import type { UserStore } from '../users/store.ts'
import type { AllowLink } from './allow.ts'
import type { FindConnect } from './find.ts'
import { connectPath, type Opened } from './path.ts'
import { isFor, stepOf } from './step.ts'
import { allowedView, allowView, doneView, nothingView, signInView, somebodyElseView, staleView } from './view.ts'

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
  allowLink: AllowLink
}

/** Where a user lands whose app was refused: what it names comes from the signed link, and from nothing else. */
export const connectRoutes = (needs: Needs) => async (scope: App) => {
  scope.setErrorHandler((thrown: Error, request, reply) => {
    const error = beginError(thrown, request, reply)
    const isStale = error.code === 'unauthenticated' || error.code === 'csrf_rejected'
    return sendPage(reply, isStale ? staleView : failureView(error, request.id))
  })
  await registerLimits(scope, 'Too many links are opened from your address.')
  askRoute(scope, needs)
  allowRoute(scope, needs)
}

const askRoute = (scope: App, { findConnect, findVisitor, users }: Needs) => {
  const config = { access: 'public', ...perMinute(opensPerMinute) } as const
  typed(scope).get('/connect', { config, schema: { querystring: Query } }, async (request, reply) => {
    const { link, outcome, is_renewed } = request.query
    if (link === undefined) return sendPage(reply, nothingView)
    const connect = await findConnect(link, request.query.return_url)
    if (!connect) return sendPage(reply.status(404), nothingView)
    const opened = openedOf({ ...request.query, link })
    const visitor = await findVisitor(request)
    const person = visitor?.principal.kind === 'user' ? await personOf(users, visitor.principal) : undefined
    if (!person && !is_renewed)
      return toRenewal(reply, connectPath(opened, { ...(outcome ? { outcome } : {}), is_renewed: 'true' }))
    const shown = person && shownAs(person)
    const step = stepOf(connect, person, outcome)
    if (step === 'somebody_else') return sendPage(reply, somebodyElseView(opened, shown))
    if (step === 'allow' && shown && visitor)
      return sendPage(reply, allowView(connect, opened, { ...shown, csrf: visitor.csrf }))
    if (step === 'done') return leave(reply, connect.return_url)
    return sendPage(reply, signInView(connect, opened, shown))
  })
}

const allowRoute = (scope: App, { findConnect, users, allowLink }: Needs) => {
  const config = { access: { credentials: ['session'] }, ...perMinute(opensPerMinute) } as const
  typed(scope).post('/connect', { config, schema: { body: Allowed } }, async (request, reply) => {
    const opened = openedOf(request.body)
    const connect = await findConnect(opened.link, opened.return_url)
    if (!connect?.linking) return sendPage(reply.status(404), nothingView)
    const person = await personOf(users, userOf(request))
    if (!isFor(connect, person)) return sendPage(reply.status(403), somebodyElseView(opened, shownAs(person)))
    const { linking, return_url } = connect
    const asked = { user_id: person.id, by: auditContextOf(request) }
    const to = await allowLink(linking, return_url, asked)
    if (to === undefined) return sendPage(reply, allowedView(linking.app.name))
    return reply.header('cache-control', 'no-store').redirect(to, 303)
  })
}

const openedOf = ({ link, return_url }: { link: string; return_url?: string }): Opened => ({
  link,
  ...(return_url ? { return_url } : {})
})

const toRenewal = (reply: FastifyReply, back: string): FastifyReply =>
  reply.header('cache-control', 'no-store').redirect(`${renewalPath(back)}&is_optional=true`, 303)

const leave = (reply: FastifyReply, to: string | undefined): FastifyReply =>
  to ? reply.header('cache-control', 'no-store').redirect(to, 303) : sendPage(reply, doneView)

type Found = NonNullable<Awaited<ReturnType<UserStore['findWithRole']>>>

/** Whoever is signed in in this browser. */
const personOf = async (
  users: Needs['users'],
  { tenant_id, user_id }: { tenant_id: string; user_id: string }
): Promise<Found> => {
  const person = await users.findWithRole(tenant_id, user_id)
  if (person) return person
  throw new Error('a session without a user')
}

const shownAs = (person: Found) => ({ person: nameOf(person), tenant: person.tenant_name })
