import { Uuid } from '@onbehalf/contracts'
import {
  type App,
  beginError,
  describeAnswersAs,
  type FindVisitor,
  renewalPath,
  sendPage,
  typed
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { askerOf } from '../asker.ts'
import { maskPath } from '../providers/mask-url.ts'
import type { Provider } from '../providers/provider.ts'
import { authorize } from './authorize.ts'
import { type AuthorizingBrowser, authorizingBrowser } from './browser.ts'
import { completeAuthorization } from './complete.ts'
import { connectPath } from './connect-path.ts'
import { authorizationErrors } from './errors.ts'
import type { OauthDesk } from './needs.ts'
import { ProviderId } from './shapes.ts'
import { connectedView, connectView, failureView, staleView } from './views.ts'

// What an authorization server appends (RFC 6749 §4.1.2, RFC 9207) and whatever else it likes to.
const Callback = Type.Record(Type.String(), Type.Array(Type.String({ maxLength: 4096 })))
const Form = Type.Object({ id: Uuid, csrf_token: Type.Optional(Type.String()) }, { additionalProperties: false })

type Needs = {
  desk: OauthDesk
  findProvider: (tenant_id: string, id: string) => Promise<Provider>
  findVisitor: FindVisitor
  publicUrl: string
}

/** To a server's authorization server and back, for people in a browser: what goes wrong is a page as well. */
export const authorizationPages = (needs: Needs) => async (scope: App) => {
  const browser = authorizingBrowser(needs.publicUrl)
  describeAnswersAs(scope, 'page', authorizationErrors)
  scope.setErrorHandler((thrown: Error, request, reply) => {
    const error = beginError(thrown, request, reply)
    const isStale = error.code === 'unauthenticated' || error.code === 'csrf_rejected'
    return sendPage(reply, isStale ? staleView : failureView(error, request.id))
  })
  askRoute(scope, needs)
  leaveRoute(scope, needs, browser)
  // One of our own, and the one that clients of the reference have registered.
  for (const path of ['/oauth/callback', '/console/api/mcp/oauth/callback']) callbackRoute(scope, path, needs, browser)
}

const askRoute = (scope: App, { findProvider, findVisitor }: Needs) => {
  const config = { access: 'public' } as const
  typed(scope).get('/oauth/connect/:id', { config, schema: { params: ProviderId } }, async (request, reply) => {
    const { id } = request.params
    const visitor = await findVisitor(request)
    if (!visitor) return leave(reply, renewalPath(connectPath(id)))
    const { principal, csrf } = visitor
    const { settings } = await findProvider(principal.tenant_id, id)
    const shown = { id, name: settings.name, address: maskPath(settings.server_url) }
    return sendPage(reply, connectView(shown, { isForTenant: settings.auth_scope === 'tenant', csrf }))
  })
}

const leaveRoute = (scope: App, { desk, findProvider, publicUrl }: Needs, browser: AuthorizingBrowser) => {
  const access = { credentials: ['session'], roles: ['owner', 'admin', 'member'] } as const
  const options = { config: { access }, schema: { body: Form } } as const
  typed(scope).post('/oauth/connect', options, async (request, reply) => {
    const asker = askerOf(request)
    const provider = await findProvider(asker.tenant_id, request.body.id)
    const begun = await authorize(desk, { provider, asker, redirectUri: `${publicUrl}/oauth/callback` })
    if (begun.status === 'authorized') return sendPage(reply, connectedView(provider.settings.name))
    return leave(browser.keep(reply, begun), begun.location)
  })
}

const callbackRoute = (
  scope: App,
  path: string,
  { desk, findProvider, publicUrl }: Needs,
  browser: AuthorizingBrowser
) => {
  const options = { config: { access: 'public' }, schema: { querystring: Callback } } as const
  typed(scope).get(path, options, async (request, reply) => {
    const query = queryOf(request)
    const state = query.get('state') ?? ''
    const binding = browser.bindingOf(request, state)
    if (binding !== undefined) browser.forget(reply, state)
    const { id: request_id, ip } = request
    const came = { query, binding, redirectUri: `${publicUrl}${path}`, request: { request_id, ip } }
    const { settings } = await completeAuthorization({ ...desk, findProvider }, came)
    return sendPage(reply, connectedView(settings.name))
  })
}

const queryOf = ({ query: given }: Pick<FastifyRequest<{ Querystring: Record<string, string[]> }>, 'query'>) => {
  const query = new URLSearchParams()
  for (const [name, all] of Object.entries(given)) for (const each of all) query.append(name, each)
  return query
}

const leave = (reply: FastifyReply, to: string): FastifyReply =>
  reply.header('cache-control', 'no-store').redirect(to, 303)
