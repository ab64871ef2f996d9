import { isExternal, Uuid } from '@onbehalf/contracts'
import {
  type App,
  callerOf,
  describeAnswersAs,
  type FindVisitor,
  isOutdated,
  renewalPath,
  sendPage,
  showErrorsAs,
  typed,
  type View,
  type Visitor,
  wordOf
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyReply } from 'fastify'
import { askerOf, mayChange } from '../asker.ts'
import { maskPath } from '../providers/mask-url.ts'
import { authorize, ownHolder, revokeAuthorization } from './authorize.ts'
import { type AuthorizingBrowser, authorizingBrowser } from './browser.ts'
import { type CompleteNeeds, callbackRoutes } from './callback-routes.ts'
import { connectPath } from './connect-path.ts'
import { authorizationErrors } from './errors.ts'
import { findAuthorizable, findAuthorized } from './find-authorizable.ts'
import { limitPerMinute } from './limit.ts'
import { isLiving, lookUp } from './look-up.ts'
import { ProviderId } from './shapes.ts'
import { connectedView, connectView, disconnectedView, failureView, heldView, staleView } from './views.ts'

const Form = Type.Object(
  {
    id: Uuid,
    csrf_token: Type.Optional(Type.String()),
    decision: Type.Optional(wordOf('connect', 'disconnect'))
  },
  { additionalProperties: false }
)

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

/** Where a person sees where they will sign in, before they go there, and takes back what they allowed. */
const askRoute = (scope: App, needs: Needs) => {
  const config = { access: 'public' } as const
  typed(scope).get('/oauth/connect/:id', { config, schema: { params: ProviderId } }, async (request, reply) => {
    const { id } = request.params
    const visitor = await needs.findVisitor(request)
    if (!visitor) return leave(reply, renewalPath(connectPath(id)))
    return sendPage(reply, await viewFor(needs, visitor, id))
  })
}

const viewFor = async ({ desk, findProvider }: Needs, { principal, csrf }: Visitor, id: string): Promise<View> => {
  const { credentials } = desk
  const provider = await findAuthorized({ credentials, findProvider }, principal, id)
  const { name, server_url, auth_scope, external } = provider.settings
  const holder = ownHolder(provider, { isAdministrator: mayChange(principal), user_id: principal.user_id })
  const form = { id, name, csrf, isForTenant: auth_scope === 'tenant' }
  // What was authorized before is theirs to take back, though they can connect it no more.
  if (isExternal(principal) && !external)
    return isLiving(await credentials.find(holder)) ? heldView(form) : disconnectedView(name)
  const found = await lookUp(desk, provider, holder)
  if (!found) return connectedView(name)
  const { issuer, authorization_endpoint: page = issuer } = found.described.server
  const hosts = [...new Set([issuer, page].map((url) => new URL(url).host))]
  return connectView({ ...form, address: maskPath(server_url), hosts, isHeld: isLiving(found.stored) })
}

const leaveRoute = (scope: App, needs: Needs, browser: AuthorizingBrowser) => {
  const { desk, findProvider } = needs
  const options = { config: { access: { credentials: ['session'] } }, schema: { body: Form } } as const
  typed(scope).post('/oauth/connect', options, async (request, reply) => {
    const { id, decision } = request.body
    const { principal } = callerOf(request)
    if (decision === 'disconnect') {
      const held = await findAuthorized({ credentials: desk.credentials, findProvider }, principal, id)
      await revokeAuthorization(desk, held, askerOf(request))
      return sendPage(reply, disconnectedView(held.settings.name))
    }
    const provider = await findAuthorizable(findProvider, principal, id)
    const begun = await authorize(desk, { provider, asker: askerOf(request) })
    if (begun.status === 'authorized') return sendPage(reply, connectedView(provider.settings.name))
    return leave(browser.keep(reply, begun), begun.location)
  })
}

const leave = (reply: FastifyReply, to: string): FastifyReply =>
  reply.header('cache-control', 'no-store').redirect(to, 303)
