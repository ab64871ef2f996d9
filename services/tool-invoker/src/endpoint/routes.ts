import { ExternalId, ServerIdentifier } from '@onbehalf/contracts'
import { matches } from '@onbehalf/rpc'
import {
  type App,
  beginError,
  callerOf,
  callOptionsOf,
  describeAnswersAs,
  orExternals,
  orKeyFor,
  reportedOf
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { patienceOf } from '../calls/caller-patience.ts'
import { callErrors } from '../calls/errors.ts'
import { sendAnswer, type Tell } from './answer-stream.ts'
import type { EndpointTools } from './asked.ts'
import { readEnvelope } from './envelope.ts'
import { answerTo } from './methods.ts'
import { requireOwnOrigin } from './origin.ts'
import { faultOf } from './refusal.ts'
import { faultText, idOf, RpcFault, readMessage, resultText, rpcCodes } from './rpc.ts'

// No cookies: a page that a browser shows could ask with them.
const access = orKeyFor('tools:call', orExternals({ credentials: ['bearer'] }))

const description = `Streamable HTTP, without sessions: 2026-07-28, 2025-11-25, 2025-06-18 and 2025-03-26. The answer is one JSON-RPC
message, or an event stream that ends with it. An API key names the user it acts for in the header Onbehalf-User-Id.`

const endpoints = [
  { url: '/mcp', summary: 'MCP endpoint: the tools of all providers, as identifier__tool', params: {} },
  {
    url: '/mcp/:server_identifier',
    summary: 'MCP endpoint of one provider',
    params: { params: Type.Object({ server_identifier: ServerIdentifier }) }
  }
]

const answers = {
  description: 'A JSON-RPC message',
  content: { 'application/json': { schema: Type.Unknown() }, 'text/event-stream': { schema: Type.String() } }
}

type Request = FastifyRequest<{ Params: { server_identifier?: string } }>

export const registerEndpoint = (app: App, tools: EndpointTools): void => {
  app.register((scope, _options, done) => {
    describeAnswersAs(scope, 'json-rpc', [...callErrors, 'not_found'])
    scope.setErrorHandler(sendFault)
    scope.addHook('onRequest', async ({ headers }) => requireOwnOrigin(headers, tools.publicUrl))
    for (const { url, summary, params } of endpoints) {
      scope.route({
        method: 'POST',
        url,
        config: { access },
        schema: {
          summary,
          description,
          ...params,
          body: Type.Unknown(),
          response: { 200: answers, 202: Type.Null() }
        },
        handler: (request: Request, reply) => answer(tools, request, reply)
      })
      // Before 2026-07-28 a client may ask for a stream of its own, or end a session; there are none here.
      scope.route({
        method: ['GET', 'DELETE'],
        url,
        config: { access: 'public' },
        schema: { hide: true },
        handler: async (_request, reply) => reply.status(405).header('allow', 'POST').send()
      })
    }
    done()
  })
}

const answer = async (tools: EndpointTools, request: Request, reply: FastifyReply): Promise<FastifyReply> => {
  const message = readMessage(request.body)
  if (message.kind !== 'request') return reply.status(202).send()
  const envelope = readEnvelope(message, request.headers)
  const user_id = actsForOf(request)
  const patience = patienceOf(request.raw, undefined)
  const { traceparent } = callOptionsOf(request)
  const { signal, cancel } = patience
  const context = { caller: callerOf(request), signal, cancel, traceparent }
  const { headers } = request
  const { server_identifier } = request.params
  const spend = (named: string) => tools.limits(request, reply, named)
  const work = (tell: Tell) =>
    answerTo(tools, { request: message, envelope, server_identifier, user_id, headers, context, spend, tell })
      .then((text) => resultText(message.id, text))
      .finally(patience.end)
  return sendAnswer(request, reply, work, (thrown) => faultText(message.id, faultFor(thrown, request)))
}

const actsForOf = ({ headers }: Request): string | undefined => {
  const user_id = headers['onbehalf-user-id']
  if (user_id === undefined || matches(ExternalId, user_id)) return user_id
  const message = 'The header Onbehalf-User-Id takes 1 to 255 characters, none of them a control character.'
  throw new RpcFault(rpcCodes.invalidParams, message, { status: 400 })
}

const faultFor = (thrown: unknown, request: FastifyRequest): RpcFault =>
  thrown instanceof RpcFault ? thrown : faultOf(reportedOf(thrown, request))

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
