import { type Access, type App, orKeyFor, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { askerOf } from '../asker.ts'
import type { Provider } from '../providers/provider.ts'
import { authorizationOf } from './answer.ts'
import { authorize, revokeAuthorization } from './authorize.ts'
import { type AuthorizingBrowser, authorizingBrowser } from './browser.ts'
import { chooseCredential } from './choose.ts'
import { connectPath } from './connect-path.ts'
import { authorizationErrors } from './errors.ts'
import type { OauthDesk } from './needs.ts'
import { AuthorizationAnswer, AuthorizeAnswer, AuthorizeBody, ProviderId } from './shapes.ts'

const members: Access = orKeyFor('providers:write', {
  credentials: ['session', 'bearer'],
  roles: ['owner', 'admin', 'member']
})
const tags = ['providers']
const one = '/v1/mcp-providers/:id'

const authorizeRoute = {
  method: 'POST',
  url: `${one}/authorize`,
  config: { access: members, errors: authorizationErrors },
  schema: {
    ...{ tags, summary: "Get a credential from the server's own authorization server" },
    ...{ params: ProviderId, body: AuthorizeBody, response: { 200: AuthorizeAnswer } }
  }
} as const
const readRoute = {
  method: 'GET',
  url: `${one}/authorization`,
  config: {
    access: orKeyFor('providers:read', { credentials: ['session', 'bearer'], roles: ['owner', 'admin', 'member'] })
  },
  schema: {
    ...{ tags, summary: 'What was authorized there, for whoever asks' },
    ...{ params: ProviderId, response: { 200: AuthorizationAnswer } }
  }
} as const
const revokeRoute = {
  method: 'DELETE',
  url: `${one}/authorization`,
  config: { access: members, errors: authorizationErrors },
  schema: { tags, summary: 'Forget what was authorized there', params: ProviderId, response: { 204: Type.Null() } }
} as const

export type AuthorizationRoutes = {
  desk: OauthDesk
  findProvider: (tenant_id: string, id: string) => Promise<Provider>
  publicUrl: string
}

/** The HTTP edge of the upstream credentials. */
export const registerAuthorizations = (app: App, needs: AuthorizationRoutes): void => {
  const routes = typed(app)
  const { desk, findProvider } = needs
  authorizeBy(app, needs, authorizingBrowser(needs.publicUrl))
  routes.route({
    ...readRoute,
    handler: async (request) => {
      const { tenant_id, user_id } = askerOf(request)
      const provider = await findProvider(tenant_id, request.params.id)
      return authorizationOf(provider, await chooseCredential(desk.credentials, provider, user_id))
    }
  })
  routes.route({
    ...revokeRoute,
    handler: async (request, reply) => {
      const asker = askerOf(request)
      await revokeAuthorization(desk, await findProvider(asker.tenant_id, request.params.id), asker)
      return reply.status(204).send(null)
    }
  })
}

const authorizeBy = (app: App, { desk, findProvider, publicUrl }: AuthorizationRoutes, browser: AuthorizingBrowser) =>
  typed(app).route({
    ...authorizeRoute,
    handler: async (request, reply) => {
      const asker = askerOf(request)
      const provider = await findProvider(asker.tenant_id, request.params.id)
      const grantType = request.body?.grant_type
      const begun = await authorize(desk, { provider, asker, redirectUri: `${publicUrl}/oauth/callback`, grantType })
      if (begun.status === 'authorized') return { status: begun.status }
      // Only a browser can keep what ties the answer to it; whoever else asks is told of the page where one begins.
      const isBrowser = request.caller?.csrf !== null
      if (isBrowser) browser.keep(reply, begun)
      const authorize_url = isBrowser ? begun.location : `${publicUrl}${connectPath(provider.id)}`
      return { status: begun.status, authorize_url }
    }
  })
