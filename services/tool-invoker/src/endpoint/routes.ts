import { ServerIdentifier } from '@onbehalf/contracts'
import { type App, beginError, callOptionsOf, describeAnswersAs, orExternals, orKeyFor } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { callErrors } from '../calls/errors.ts'
import { requireProvider } from '../providers/require.ts'
import { endSession } from '../sessions/end.ts'
import { findSession, type Session } from '../sessions/find.ts'
import { openOwnStream } from '../sessions/own-stream.ts'
import { answer, type Request, useOf } from './answer.ts'
import type { EndpointTools } from './asked.ts'
import { requireOwnOrigin } from './origin.ts'
import { faultOf } from './refusal.ts'
import { faultText, idOf, RpcFault } from './rpc.ts'

// No cookies: a page that a browser shows could ask with them.
const access = orKeyFor('tools:call', orExternals({ credentials: ['bearer'] }))

const description = `Streamable HTTP: 2026-07-28, and 2025-11-25, 2025-06-18 and 2025-03-26 with and without sessions. The answer is one
JSON-RPC message, or an event stream that ends with it. An API key names the user it acts for in the header Onbehalf-User-Id.`

const endpoints = [
  { url: '/mcp', of: 'the tools, prompts and resources of all providers, under joined names', params: {} },
  {
    url: '/mcp/:server_identifier',
    of: 'one provider',
    params: { params: Type.Object({ server_identifier: ServerIdentifier }) }
  }
]

const answers = {
  description: 'A JSON-RPC message',
  content: { 'application/json': { schema: Type.Unknown() }, 'text/event-stream': { schema: Type.String() } }
}
const events = { description: 'Events', content: { 'text/event-stream': { schema: Type.String() } } }
const noSession = { description: 'The request is of no session', type: 'null' }

export const registerEndpoint = (app: App, tools: EndpointTools): void => {
  app.addHook('preClose', async () => tools.places.endAll())
  app.register((scope, _options, done) => {
    describeAnswersAs(scope, 'json-rpc', [...callErrors, 'not_found'])
    scope.setErrorHandler(sendFault)
    scope.addHook('onRequest', async ({ headers }) => requireOwnOrigin(headers, tools.publicUrl))
    for (const { url, of, params } of endpoints) {
      scope.route({
        ...{ method: 'POST', url, config: { access } },
        schema: {
          ...{ summary: `MCP endpoint: ${of}`, description, ...params, body: Type.Unknown() },
          response: { 200: answers, 202: Type.Null() }
        },
        handler: (request: Request, reply) => answer(tools, request, reply)
      })
      scope.route({
        ...{ method: 'GET', url, config: { access } },
        schema: {
          ...{ summary: `What a session of the MCP endpoint hears besides its answers: ${of}`, ...params },
          response: { 200: events, 405: noSession }
        },
        handler: inSession(tools, (session, request, reply) =>
          openOwnStream(tools, request, reply, { session, use: useOf(request) })
        )
      })
      scope.route({
        ...{ method: 'DELETE', url, config: { access } },
        schema: {
          ...{ summary: `Ends a session of the MCP endpoint: ${of}`, ...params },
          response: { 204: Type.Null(), 405: noSession }
        },
        handler: inSession(tools, async (session, _request, reply) => {
          await endSession(tools, session)
          return reply.status(204).send()
        })
      })
    }
    done()
  })
}

type InSession = (session: Session, request: Request, reply: FastifyReply) => Promise<FastifyReply>

/** Outside of a session there is nothing to hear or to end. */
const inSession = (tools: EndpointTools, handle: InSession) => async (request: Request, reply: FastifyReply) => {
  const id = request.headers['mcp-session-id']
  const use = useOf(request)
  if (typeof id === 'string') return handle(await findSession(tools, id, use), request, reply)
  await requireProvider(tools, use, callOptionsOf(request))
  return reply.status(405).header('allow', 'POST').send()
}

/** What is wrong before an answer has begun: the JSON-RPC error with a status of its own. */
const sendFault = (thrown: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const fault = thrown instanceof RpcFault ? thrown : faultOf(beginError(thrown, request, reply))
  return reply
    .status(fault.status)
    .header('cache-control', 'no-store')
    .type('application/json')
    .serializer(String)
    .send(faultText(idOf(request.body), fault))
}
