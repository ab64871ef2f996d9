import { type Access, type App, anyUser, callerOf, orKeyFor, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { askerOf } from '../asker.ts'
import { authorizationOf } from './answer.ts'
import { type AuthorizeNeeds, createAnswerAuthorize } from './answer-authorize.ts'
import { revokeAuthorization } from './authorize.ts'
import { chooseCredential } from './choose.ts'
import { authorizationErrors } from './errors.ts'
import { findAuthorized } from './find-authorizable.ts'
import { AuthorizationAnswer, AuthorizeAnswer, AuthorizeBody, ProviderId } from './shapes.ts'

/** Who may have something authorized; whose it may be is for `authorize` to say. */
const authorizers: Access = orKeyFor('providers:write', {
  credentials: ['session', 'bearer'],
  roles: ['owner', 'admin', 'member']
})
/** Who may see what was authorized, and who may take it back: also somebody without a role, for what is their own. */
const readers = orKeyFor('providers:read', anyUser)
const revokers = orKeyFor('providers:write', anyUser)
const tags = ['providers']
const one = '/v1/mcp-providers/:id'

const authorizeRoute = {
  method: 'POST',
  url: `${one}/authorize`,
  config: { access: authorizers, errors: authorizationErrors },
  schema: {
    ...{ tags, summary: "Get a credential from the server's own authorization server" },
    ...{ params: ProviderId, body: AuthorizeBody, response: { 200: AuthorizeAnswer } }
  }
} as const
const readRoute = {
  method: 'GET',
  url: `${one}/authorization`,
  config: { access: readers },
  schema: {
    ...{ tags, summary: 'What was authorized there, for whoever asks' },
    ...{ params: ProviderId, response: { 200: AuthorizationAnswer } }
  }
} as const
const revokeRoute = {
  method: 'DELETE',
  url: `${one}/authorization`,
  config: { access: revokers },
  schema: { tags, summary: 'Forget what was authorized there', params: ProviderId, response: { 204: Type.Null() } }
} as const

/** The HTTP edge of the upstream credentials. */
export const registerAuthorizations = (app: App, needs: AuthorizeNeeds): void => {
  const routes = typed(app)
  const { desk, findProvider } = needs
  const { credentials } = desk
  const answerAuthorize = createAnswerAuthorize(needs)
  const findOf = (request: FastifyRequest, id: string) =>
    findAuthorized({ credentials, findProvider }, callerOf(request).principal, id)
  routes.route({
    ...authorizeRoute,
    handler: (request, reply) =>
      answerAuthorize(request, reply, { id: request.params.id, grantType: request.body?.grant_type })
  })
  routes.route({
    ...readRoute,
    handler: async (request) => {
      const provider = await findOf(request, request.params.id)
      return authorizationOf(provider, await chooseCredential(credentials, provider, askerOf(request).user_id))
    }
  })
  routes.route({
    ...revokeRoute,
    handler: async (request, reply) => {
      await revokeAuthorization(desk, await findOf(request, request.params.id), askerOf(request))
      return reply.status(204).send(null)
    }
  })
}
