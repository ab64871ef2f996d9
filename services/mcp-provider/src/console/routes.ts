import { ReportedError } from '@onbehalf/errors'
import { errorHandler, renderError, typed } from '@onbehalf/service-kit'
import { type TSchema, Type } from '@sinclair/typebox'
import type { FastifyPluginCallback } from 'fastify'
import { askerOf } from '../asker.ts'
import { type AuthorizeNeeds, createAnswerAuthorize } from '../oauth/answer-authorize.ts'
import { authorizationErrors } from '../oauth/errors.ts'
import { createProvider } from '../providers/create.ts'
import type { Desk } from '../providers/desk.ts'
import { readProvider } from '../providers/read.ts'
import { refreshToolsOf } from '../providers/refresh-tools.ts'
import { removeProvider } from '../providers/remove.ts'
import { members, writers } from '../providers/rights.ts'
import { updateProvider } from '../providers/update.ts'
import { listAll } from './list.ts'
import { ConsoleChange, ConsoleProvider, ConsoleProviderId, changeOf, givenOf } from './payload.ts'
import { ConsoleView, fullViewOf } from './view.ts'

const tags = ['console']
const mount = '/console/api/workspaces/current'
const providers = `${mount}/tool-provider/mcp`
const Success = Type.Object({ result: Type.Literal('success') })
const success = { result: 'success' } as const
const ConsoleError = Type.Object({
  code: Type.Literal('invalid_param'),
  ...{ message: Type.String(), status: Type.Literal(400), request_id: Type.String() },
  details: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() })))
})
/** What it answers with, or how it refuses what was sent. */
const answers = <Answer extends TSchema>(answer: Answer) => ({ 400: ConsoleError, 200: answer })
const Authorized = Type.Union([Success, Type.Object({ authorization_url: Type.String() })])

const create = {
  method: 'POST',
  url: providers,
  config: { access: writers },
  schema: { tags, summary: 'Register an MCP server', body: ConsoleProvider, response: answers(ConsoleView) }
} as const
const update = {
  method: 'PUT',
  url: providers,
  config: { access: writers, errors: ['not_found'] },
  schema: { tags, summary: 'Change an MCP server', body: ConsoleChange, response: answers(Success) }
} as const
const remove = {
  method: 'DELETE',
  url: providers,
  config: { access: writers, errors: ['not_found'] },
  schema: { tags, summary: 'Forget an MCP server', body: ConsoleProviderId, response: answers(Success) }
} as const
const read = {
  method: 'GET',
  url: `${providers}/tools/:provider_id`,
  config: { access: members },
  schema: {
    tags,
    summary: 'One MCP server and its tools',
    params: ConsoleProviderId,
    response: answers(ConsoleView)
  }
} as const
const refresh = {
  method: 'GET',
  url: `${providers}/update/:provider_id`,
  // The reference has it as a GET, which a link of anybody's would send.
  config: { access: writers, isUnsafe: true },
  schema: { tags, summary: 'List its tools anew', params: ConsoleProviderId, response: answers(ConsoleView) }
} as const
const authorize = {
  method: 'POST',
  url: `${providers}/auth`,
  config: { access: writers, errors: authorizationErrors },
  schema: {
    ...{ tags, summary: "Get a credential from the server's own authorization server" },
    ...{ body: ConsoleProviderId, response: answers(Authorized) }
  }
} as const
const list = {
  method: 'GET',
  url: `${mount}/tools/mcp`,
  config: { access: members },
  schema: { tags, summary: 'The MCP servers of the tenant, by name', response: answers(Type.Array(ConsoleView)) }
} as const

/** The registry as the reference's console calls it: other paths and shapes over the same handlers. */
export const consoleRoutes =
  (desk: Desk, oauth: AuthorizeNeeds): FastifyPluginCallback =>
  (scope, _options, done) => {
    scope.setErrorHandler((thrown: Error, request, reply) =>
      errorHandler(renderConsoleError)(asConsoleError(thrown), request, reply)
    )
    const routes = typed(scope)
    routes.route({
      ...create,
      handler: async (request) => fullViewOf(await createProvider(desk, viewerOf(request), givenOf(request.body)))
    })
    routes.route({
      ...update,
      handler: async (request) => {
        const { provider_id: id } = request.body
        await updateProvider(desk, askerOf(request), { id, change: changeOf(request.body) })
        return success
      }
    })
    routes.route({
      ...remove,
      handler: async (request) => {
        await removeProvider(desk, askerOf(request), request.body.provider_id)
        return success
      }
    })
    routes.route({
      ...read,
      handler: async (request) => fullViewOf(await readProvider(desk, viewerOf(request), request.params.provider_id))
    })
    routes.route({
      ...refresh,
      handler: async (request) => fullViewOf(await refreshToolsOf(desk, viewerOf(request), request.params.provider_id))
    })
    const answerAuthorize = createAnswerAuthorize(oauth)
    routes.route({
      ...authorize,
      handler: async (request, reply) => {
        const answer = await answerAuthorize(request, reply, { id: request.body.provider_id, isOfConsole: true })
        return answer.authorize_url === undefined ? success : { authorization_url: answer.authorize_url }
      }
    })
    routes.route({
      ...list,
      handler: (request) => listAll(desk, viewerOf(request))
    })
    done()
  }

// The console shows everybody the server of a URL and no more.
const viewerOf = (request: Parameters<typeof askerOf>[0]) => ({ ...askerOf(request), isAdministrator: false })

/** The reference has one code and status for all that is wrong with what was sent. */
const renderConsoleError: Parameters<typeof errorHandler>[0] = (error, request) => ({
  ...renderError(error, request),
  ...(error.code === 'invalid_request' ? { code: 'invalid_param' } : {})
})

const asConsoleError = (thrown: Error): Error =>
  thrown instanceof ReportedError && thrown.code === 'conflict'
    ? new ReportedError('invalid_request', thrown.message, { ...thrown.extras, cause: thrown })
    : thrown
