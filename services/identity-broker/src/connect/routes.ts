import { type App, beginError, type FindVisitor, renewalPath, sendPage, typed, wordOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { perMinute, registerLimits } from '../limits.ts'
import { failureView } from '../sign-in/views.ts'
import { nameOf } from '../users/name.ts'
import type { UserStore } from '../users/store.ts'
import type { FindConnect } from './find.ts'
import { connectPath } from './path.ts'
import { stepOf } from './step.ts'
import { doneView, nothingView, signInView, somebodyElseView } from './view.ts'

const Query = Type.Object({
  link: Type.Optional(Type.String({ maxLength: 8192 })),
  /** Another registered URL of the app than its first. */
  return_url: Type.Optional(Type.String({ maxLength: 2048 })),
  outcome: Type.Optional(wordOf('signed_in', 'somebody_else')),
  is_renewed: Type.Optional(Type.Boolean())
})

/** From one address, on one replica: each costs some look-ups, and a question to mcp-provider. */
const opensPerMinute = 120

type Needs = { findConnect: FindConnect; findVisitor: FindVisitor; users: Pick<UserStore, 'findWithRole'> }

/** Where a user lands whose app was refused: what it names comes from the signed link, and from nothing else. */
export const connectRoutes = (needs: Needs) => async (scope: App) => {
  scope.setErrorHandler((thrown: Error, request, reply) =>
    sendPage(reply, failureView(beginError(thrown, request, reply), request.id))
  )
  await registerLimits(scope, 'Too many links are opened from your address.')
  askRoute(scope, needs)
}

const askRoute = (scope: App, { findConnect, ...needs }: Needs) => {
  const config = { access: 'public', ...perMinute(opensPerMinute) } as const
  typed(scope).get('/connect', { config, schema: { querystring: Query } }, async (request, reply) => {
    const { link, return_url, outcome, is_renewed } = request.query
    if (link === undefined) return sendPage(reply, nothingView)
    const connect = await findConnect(link, return_url)
    if (!connect) return sendPage(reply.status(404), nothingView)
    const opened = { link, ...(return_url ? { return_url } : {}) }
    const person = await personOf(request, needs)
    if (!person && !is_renewed) {
      const back = connectPath(opened, { ...(outcome ? { outcome } : {}), is_renewed: 'true' })
      return reply.header('cache-control', 'no-store').redirect(`${renewalPath(back)}&is_optional=true`, 303)
    }
    const shown = person && { person: nameOf(person), tenant: person.tenant_name }
    const step = stepOf(connect, person, outcome)
    if (step === 'somebody_else') return sendPage(reply, somebodyElseView(opened, shown))
    if (step === 'sign_in') return sendPage(reply, signInView(connect, opened, shown))
    const { return_url: back } = connect
    return back ? reply.header('cache-control', 'no-store').redirect(back, 303) : sendPage(reply, doneView)
  })
}

/** Whoever is signed in in this browser. */
const personOf = async (request: FastifyRequest, { findVisitor, users }: Omit<Needs, 'findConnect'>) => {
  const visitor = await findVisitor(request)
  if (visitor?.principal.kind !== 'user') return undefined
  const { tenant_id, user_id } = visitor.principal
  return users.findWithRole(tenant_id, user_id)
}
