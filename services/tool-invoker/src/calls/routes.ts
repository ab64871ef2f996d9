import type { UserPrincipal } from '@onbehalf/contracts'
import { type App, anyUser, callerOf, callOptionsOf, orExternals, orKeyFor, typed, userOf } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import type { Static } from '@sinclair/typebox'
import { heldUntilSent } from '../answers/held.ts'
import { passable, sendPassed } from '../answers/pass.ts'
import { withoutEmpty } from '../arguments/check.ts'
import { wantsEvents } from '../events/stream.ts'
import { type CallOnceTools, callOnce } from '../idempotency/call-once.ts'
import { idempotencyKeyOf } from '../idempotency/key.ts'
import { onceOf } from '../idempotency/once-of.ts'
import type { CallLimits } from '../limits/call-limits.ts'
import { answerBeginning, answerText } from './answer.ts'
import { type AskedCall, type CallToolTools, callTool } from './call-tool.ts'
import { patienceOf } from './caller-patience.ts'
import { callErrors } from './errors.ts'
import { sealed, type Turn, turnOf } from './in-turns.ts'
import { readArguments } from './kept-arguments.ts'
import { allCalls, listCalls } from './list.ts'
import type { StateTools } from './request-state.ts'
import { CallAnswers, CallBody, CallsAnswers, CallsQuery } from './schemas.ts'
import { type Make, sendEvents } from './send.ts'
import { sendLines, wantsLines } from './send-lines.ts'
import type { CallStore, StoredCall } from './store.ts'

const anyCaller = orKeyFor('tools:call', orExternals(anyUser))

const description = `With an \`Idempotency-Key\` the call is made once: for 24 hours what comes again with the key gets the same answer.
With \`Accept: text/event-stream\` the answer is a stream of events: \`progress\` and \`log\` with what the
MCP server tells meanwhile, then \`result\` with the answer, or \`error\` with the body of an error. What is refused before the MCP
server is asked has its own status all the same.
A server asks only for what \`capabilities\` say that you can be asked for. Then the result has \`"resultType": "input_required"\` and
\`inputRequests\`: make the same call again, with the answers to them as \`inputResponses\` and the result's \`requestState\`. Each
of these is a call of its own, with another \`Idempotency-Key\`.`

const callToolRoute = {
  method: 'POST',
  url: '/v1/tools/call',
  config: { access: anyCaller, errors: [...callErrors, 'conflict', 'outcome_unknown'] },
  schema: { summary: 'Call a tool', description, body: CallBody, response: { 200: CallAnswers } }
} as const

const linesDescription = 'With `Accept: application/x-ndjson` all of them, one JSON object a line.'

const listCallsRoute = {
  method: 'GET',
  url: '/v1/calls',
  config: { access: anyUser },
  schema: {
    summary: 'Calls that were made',
    description: linesDescription,
    querystring: CallsQuery,
    response: { 200: CallsAnswers }
  }
} as const

type Tools = CallToolTools & StateTools & CallOnceTools & { calls: Pick<CallStore, 'list'>; limits: CallLimits }

export const registerCalls = (app: App, tools: Tools): void => {
  typed(app).route({
    ...callToolRoute,
    handler: async (request, reply) => {
      const key = idempotencyKeyOf(request)
      const counting = tools.limits(request, reply, request.body.server_identifier)
      if (counting !== undefined) await counting
      const { traceparent } = callOptionsOf(request)
      const patience = patienceOf(request.raw, request.body.timeout_ms)
      const caller = callerOf(request)
      const asked = askedOf(request.body)
      const plainly: Make = async ({ onSend, onEvent, passing }) => {
        const { signal, cancel } = patience
        const context = {
          caller,
          signal,
          cancel,
          traceparent,
          onSend,
          onEvent,
          passing,
          onHeld: heldUntilSent(reply.raw)
        }
        try {
          const answered = await callTool(tools, turnOf(tools, asked, context), context)
          const told = sealed(tools, asked, context, answered)
          return answerText(told instanceof Promise ? await told : told)
        } finally {
          patience.end()
        }
      }
      const once: Make = async (hears) => {
        try {
          return await callOnce(tools, await onceOf(tools, key, asked, { caller, traceparent }), plainly, hears)
        } finally {
          // Also of what was not made: that is answered again, or refused.
          patience.end()
        }
      }
      const make = key === '' ? plainly : once
      if (wantsEvents(request)) return sendEvents(make, request, reply)
      // With a key the answer is kept, so that it is held.
      const answer = await (key === '' ? passable((passing) => make({ passing }), answerBeginning) : make({}))
      // The answer and not the reply, which would be waited for in its turn.
      reply.type('application/json; charset=utf-8')
      return typeof answer === 'string' ? answer : sendPassed(answer, reply)
    }
  })

  typed(app).route({
    ...listCallsRoute,
    handler: async (request, reply) => {
      const { with_arguments: withArguments = false, ...asked } = request.query
      const user = userOf(request)
      const reader = { user, vault: tools.vault, withArguments }
      if (wantsLines(request)) return sendLines(itemsOf(allCalls(tools, user, asked), reader), reply)
      const { data, next_cursor } = await listCalls(tools, user, asked)
      return { data: await Promise.all(data.map((row) => itemOf(row, reader))), next_cursor }
    }
  })
}

const askedOf = (body: Static<typeof CallBody>): AskedCall & Turn => {
  if (body.drop_empty_arguments === undefined) return body
  const { drop_empty_arguments, ...asked } = body
  return drop_empty_arguments ? { ...asked, arguments: withoutEmpty(asked.arguments) } : asked
}

type Reader = { user: UserPrincipal; vault: Pick<Vault, 'open'>; withArguments: boolean }

const itemsOf = async function* (pages: AsyncIterable<StoredCall[]>, reader: Reader) {
  for await (const rows of pages) yield Promise.all(rows.map((row) => itemOf(row, reader)))
}

const itemOf = async (row: StoredCall, { user, vault, withArguments }: Reader) => {
  const { kind, call_id, writer, sequence, mac, tenant_id, credential_kind, credential_id, arguments: _, ...told } = row
  return {
    ...told,
    ...(withArguments && { arguments: await readArguments(vault, user, row) }),
    id: call_id ?? row.id,
    credential: { kind: credential_kind, id: credential_id },
    started_at: row.started_at.toISOString(),
    finished_at: row.finished_at.toISOString()
  }
}
