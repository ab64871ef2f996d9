import { Uuid } from '@onbehalf/contracts'
import {
  type App,
  callerOf,
  describeAnswersAs,
  type FindVisitor,
  isOutdated,
  renewalPath,
  sendPage,
  showErrorsAs,
  typed
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyReply } from 'fastify'
import { askerOf, mayChange } from '../asker.ts'
import { maskPath } from '../providers/mask-url.ts'
import { authorize, ownHolder } from './authorize.ts'
import { type AuthorizingBrowser, authorizingBrowser } from './browser.ts'
import { type CompleteNeeds, callbackRoutes } from './callback-routes.ts'
import { connectPath } from './connect-path.ts'
import { authorizationErrors } from './errors.ts'
import { findAuthorizable } from './find-authorizable.ts'
import { limitPerMinute } from './limit.ts'
import { lookUp } from './look-up.ts'
import { ProviderId } from './shapes.ts'
import { connectedView, connectView, failureView, staleView } from './views.ts'

const Form = Type.Object({ id: Uuid, csrf_token: Type.Optional(Type.String()) }, { additionalProperties: false })

/** Each costs some look-ups, and questions to servers that somebody else named. */
const pagesPerMinute = 120

type Needs = CompleteNeeds & { findVisitor: FindVisitor }

/** To a server's authorization server and back, for people in a browser: what goes wrong is a page as well. */
export const authorizationPages = (needs: Needs) => async (scope: App) => {
  const browser = authorizingBrowser(needs.publicUrl)
  describeAnswersAs(scope, 'page', [...authorizationErrors, 'too_many_requests'])
  showErrorsAs(scope, (error, request_id) => (isOutdated(error) ? staleView : failureView(error, request_id)))
  limitPerMinute(scope, pagesPerMinute, 'Too many authorizations are begun from your address. Wait a little.')
  askRoute(scope, needs)
  leaveRoute(scope, needs, browser)
  callbackRoutes(scope, needs, browser)
}

/** Where a person sees where they will sign in, before they go there. */
const askRoute = (scope: App, { desk, findProvider, findVisitor }: Needs) => {
  const config = { access: 'public' } as const
  typed(scope).get('/oauth/connect/:id', { config, schema: { params: ProviderId } }, async (request, reply) => {
    const { id } = request.params
    const visitor = await findVisitor(request)
    if (!visitor) return leave(reply, renewalPath(connectPath(id)))
    const { principal, csrf } = visitor
    const provider = await findAuthorizable(findProvider, principal, id)
    const { name, server_url, auth_scope } = provider.settings
    const who = { isAdministrator: mayChange(principal), user_id: principal.user_id }
    const found = await lookUp(desk, provider, ownHolder(provider, who))
    if (!found) return sendPage(reply, connectedView(name))
    const { issuer, authorization_endpoint: page = issuer } = found.described.server
    const hosts = [...new Set([issuer, page].map((url) => new URL(url).host))]
    const shown = { id, name, address: maskPath(server_url), hosts }
    return sendPage(reply, connectView(shown, { isForTenant: auth_scope === 'tenant', csrf }))
  })
}

const leaveRoute = (scope: App, { desk, findProvider }: Needs, browser: AuthorizingBrowser) => {
  const options = { config: { access: { credentials: ['session'] } }, schema: { body: Form } } as const
  typed(scope).post('/oauth/connect', options, async (request, reply) => {
    const provider = await findAuthorizable(findProvider, callerOf(request).principal, request.body.id)
    const begun = await authorize(desk, { provider, asker: askerOf(request) })
    if (begun.status === 'authorized') return sendPage(reply, connectedView(provider.settings.name))
    return leave(browser.keep(reply, begun), begun.location)
  })
}

const leave = (reply: FastifyReply, to: string): FastifyReply =>
  reply.header('cache-control', 'no-store').redirect(to, 303)
