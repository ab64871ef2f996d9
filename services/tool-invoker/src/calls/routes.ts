import type { MintedToken } from '@onbehalf/mcp'
import { type App, anyUser, callerOf, callOptionsOf, orExternals, orKeyFor, typed, userOf } from '@onbehalf/service-kit'
import type { CallTable } from '../database.ts'
import { type AnsweredCall, type CallToolTools, callTool } from './call-tool.ts'
import { patienceOf } from './caller-patience.ts'
import { listCalls } from './list.ts'
import { CallAnswer, CallBody, CallsAnswer, CallsQuery } from './schemas.ts'
import type { CallStore } from './store.ts'

const anyCaller = orKeyFor('tools:call', orExternals(anyUser))

const callToolRoute = {
  method: 'POST',
  url: '/v1/tools/call',
  config: { access: anyCaller },
  schema: { summary: 'Call a tool', body: CallBody, response: { 200: CallAnswer } }
} as const

const listCallsRoute = {
  method: 'GET',
  url: '/v1/calls',
  config: { access: anyUser },
  schema: { summary: 'Calls that were made', querystring: CallsQuery, response: { 200: CallsAnswer } }
} as const

type Tools = CallToolTools & { calls: Pick<CallStore, 'list'> }

export const registerCalls = (app: App, tools: Tools): void => {
  typed(app).route({
    ...callToolRoute,
    handler: async (request) => {
      const patience = patienceOf(request.raw, request.body.timeout_ms)
      try {
        const { traceparent } = callOptionsOf(request)
        const { signal, cancel } = patience
        const context = { caller: callerOf(request), signal, cancel, traceparent }
        return answerOf(await callTool(tools, request.body, context))
      } finally {
        patience.end()
      }
    }
  })

  typed(app).route({
    ...listCallsRoute,
    handler: async (request) => {
      const { data, next_cursor } = await listCalls(tools, userOf(request), request.query)
      return { data: data.map(itemOf), next_cursor }
    }
  })
}

const answerOf = ({ row, result, minted }: AnsweredCall) => ({
  call_id: row.id,
  result,
  identity: minted && identityOf(minted),
  duration_ms: row.finished_at.getTime() - row.started_at.getTime()
})

const identityOf = ({ identity, expires_at }: MintedToken) => ({
  ...identity,
  expires_at: new Date(expires_at * 1000).toISOString()
})

const itemOf = ({ credential_kind, credential_id, started_at, finished_at, ...row }: CallTable) => ({
  ...row,
  credential: { kind: credential_kind, id: credential_id },
  started_at: started_at.toISOString(),
  finished_at: finished_at.toISOString()
})
