import { ListedTool, ServerIdentifier } from '@onbehalf/contracts'
import type { Bus } from '@onbehalf/rpc'
import {
  type App,
  anyUser,
  callerOf,
  callOptionsOf,
  cursorQuery,
  orExternals,
  orKeyFor,
  pageAnswer,
  typed
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { CallLimits } from '../limits/call-limits.ts'
import { listCallable } from './list.ts'

const ToolsQuery = cursorQuery(Type.String({ maxLength: 1_000 }), {
  search: Type.Optional(
    Type.String({ maxLength: 200, description: 'Words that the name, the title or the description holds.' })
  ),
  server_identifier: Type.Optional(ServerIdentifier)
})

const listToolsRoute = {
  method: 'GET',
  url: '/v1/tools',
  config: {
    access: orKeyFor('tools:list', orExternals(anyUser)),
    errors: ['policy_denied', 'not_found', 'user_required', 'too_many_requests']
  },
  schema: { summary: 'Tools that may be called', querystring: ToolsQuery, response: { 200: pageAnswer(ListedTool) } }
} as const

export const registerTools = (app: App, { bus, limits }: { bus: Bus; limits: CallLimits }): void => {
  typed(app).route({
    ...listToolsRoute,
    handler: async (request, reply) => {
      await limits(request, reply, request.query.server_identifier ?? '')
      return await listCallable(bus, callerOf(request).ticket, request.query, callOptionsOf(request))
    }
  })
}
