import { type App, type RouteError, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { askerOf } from '../asker.ts'
import { approveTools } from './approve-tools.ts'
import { createProvider } from './create.ts'
import type { Desk } from './desk.ts'
import { listProviders } from './list.ts'
import { readProvider } from './read.ts'
import { refreshToolsOf } from './refresh-tools.ts'
import { removeProvider } from './remove.ts'
import { members, writers } from './rights.ts'
import {
  NewProvider,
  PageQuery,
  ProviderAnswer,
  ProviderChange,
  ProviderId,
  ProviderPage,
  ToolsSeen,
  Trial,
  TriedProvider
} from './shapes.ts'
import { tryProvider } from './try.ts'
import { updateProvider } from './update.ts'

const changeErrors: RouteError[] = ['conflict']
const tags = ['providers']
const url = '/v1/mcp-providers'
const one = `${url}/:id`

const create = {
  method: 'POST',
  url,
  config: { access: writers, errors: ['conflict'] },
  schema: { tags, summary: 'Register an MCP server', body: NewProvider, response: { 201: ProviderAnswer } }
} as const
const list = {
  method: 'GET',
  url,
  config: { access: members },
  schema: { tags, summary: 'The MCP servers of the tenant', querystring: PageQuery, response: { 200: ProviderPage } }
} as const
const read = {
  method: 'GET',
  url: one,
  config: { access: members },
  schema: { tags, summary: 'One MCP server and its tools', params: ProviderId, response: { 200: ProviderAnswer } }
} as const
const update = {
  method: ['PUT', 'PATCH'],
  url: one,
  config: { access: writers, errors: changeErrors },
  schema: {
    ...{ tags, summary: 'Change an MCP server: left out stays, null clears' },
    ...{ params: ProviderId, body: ProviderChange, response: { 200: ProviderAnswer } }
  }
}
const tryOut = {
  method: 'POST',
  url: `${url}/test`,
  config: { access: writers },
  schema: {
    ...{ tags, summary: 'Try an MCP server without registering it' },
    ...{ body: TriedProvider, response: { 200: Trial } }
  }
} as const
const remove = {
  method: 'DELETE',
  url: one,
  config: { access: writers },
  schema: { tags, summary: 'Forget an MCP server', params: ProviderId, response: { 204: Type.Null() } }
} as const
const approve = {
  method: 'POST',
  url: `${one}/approve-tools`,
  config: { access: writers, errors: ['conflict'] },
  schema: {
    ...{ tags, summary: 'Let tools be called as they were seen: each by name and hash' },
    ...{ params: ProviderId, body: ToolsSeen, response: { 200: ProviderAnswer } }
  }
} as const
const refresh = {
  method: 'POST',
  url: `${one}/refresh-tools`,
  config: { access: writers, errors: ['conflict'] },
  schema: { tags, summary: 'List its tools anew', params: ProviderId, response: { 200: ProviderAnswer } }
} as const

/** The HTTP edge of the registry. */
export const registerProviders = (app: App, desk: Desk): void => {
  const routes = typed(app)
  routes.route({
    ...create,
    handler: async (request, reply) =>
      reply.status(201).send(await createProvider(desk, askerOf(request), request.body))
  })
  routes.route({ ...tryOut, handler: (request) => tryProvider(desk, askerOf(request), request.body) })
  routes.route({ ...list, handler: (request) => listProviders(desk, askerOf(request), request.query) })
  routes.route({ ...read, handler: (request) => readProvider(desk, askerOf(request), request.params.id) })
  routes.route({
    ...update,
    handler: (request) => updateProvider(desk, askerOf(request), { id: request.params.id, change: request.body })
  })
  routes.route({
    ...remove,
    handler: async (request, reply) => {
      await removeProvider(desk, askerOf(request), request.params.id)
      return reply.status(204).send(null)
    }
  })
  routes.route({
    ...approve,
    handler: (request) => approveTools(desk, askerOf(request), { id: request.params.id, tools: request.body.tools })
  })
  routes.route({ ...refresh, handler: (request) => refreshToolsOf(desk, askerOf(request), request.params.id) })
}
