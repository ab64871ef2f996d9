import { ExternalId } from '@onbehalf/contracts'
import { matches } from '@onbehalf/rpc'
import { callerOf, callOptionsOf, reportedOf } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { heldUntilSent } from '../answers/held.ts'
import type { Passing } from '../answers/pass.ts'
import { patienceOf } from '../calls/caller-patience.ts'
import { findSession, type Session, type SessionUse } from '../sessions/find.ts'
import { isSessionMessage } from '../sessions/relay.ts'
import { sendAnswer, type Tell } from './answer-stream.ts'
import type { Asked, EndpointTools } from './asked.ts'
import { type Envelope, isModern, readEnvelope } from './envelope.ts'
import { answerTo } from './methods.ts'
import { faultOf } from './refusal.ts'
import {
  faultText,
  type Message,
  RpcFault,
  type RpcRequest,
  readMessage,
  resultBeginning,
  resultText,
  rpcCodes
} from './rpc.ts'

export type Request = FastifyRequest<{ Params: { server_identifier?: string } }>

/** Answers a request, and takes what needs no answer. */
export const answer = async (tools: EndpointTools, request: Request, reply: FastifyReply): Promise<FastifyReply> => {
  const message = readMessage(request.body)
  const session = await sessionOf(tools, request, message)
  if (message.kind === 'request') return answerRequest(tools, request, reply, message, session)
  if (session) await take(tools, request, reply, { key: session.key, said: saidBy(message) })
  return reply.status(202).send()
}

/** Who asks, for whom, and of which provider. */
export const useOf = (request: Request): SessionUse => ({
  caller: callerOf(request),
  server_identifier: request.params.server_identifier,
  user_id: actsForOf(request)
})

const actsForOf = ({ headers }: Request): string | undefined => {
  const user_id = headers['onbehalf-user-id']
  if (user_id === undefined || matches(ExternalId, user_id)) return user_id
  const message = 'The header Onbehalf-User-Id takes 1 to 255 characters, none of them a control character.'
  throw new RpcFault(rpcCodes.invalidParams, message, { status: 400 })
}

/** The session a request says it is of. 2026-07-28 has none, and what greets us begins one. */
const sessionOf = async (tools: EndpointTools, request: Request, message: Message): Promise<Session | undefined> => {
  const id = request.headers['mcp-session-id']
  if (typeof id !== 'string' || isModern(request.headers)) return undefined
  if (message.kind === 'request' && message.method === 'initialize') return undefined
  return findSession(tools, id, useOf(request))
}

/** It is for this process alone, or else counted, since all hear of it. */
const take = async (
  { relay, limits }: EndpointTools,
  request: Request,
  reply: FastifyReply,
  { key, said }: { key: string; said: unknown }
): Promise<void> => {
  if (!isSessionMessage(said)) return
  if (said.kind !== 'roots_changed' && relay.take(key, said)) return
  await limits(request, reply, request.params.server_identifier ?? '')
  relay.tellAll(key, said)
}

/** What a client says besides its requests, as far as it is of use to anybody. */
const saidBy = (message: Exclude<Message, RpcRequest>): unknown => {
  if (message.kind === 'response') return { kind: 'answer', id: message.id, outcome: message.outcome }
  if (message.method === 'notifications/roots/list_changed') return { kind: 'roots_changed' }
  return message.method === 'notifications/cancelled' ? { kind: 'cancel', id: message.params.requestId } : undefined
}

const answerRequest = (
  tools: EndpointTools,
  request: Request,
  reply: FastifyReply,
  message: RpcRequest,
  session: Session | undefined
): Promise<FastifyReply> => {
  const envelope = envelopeFor(readEnvelope(message, request.headers), session)
  const { caller, server_identifier, user_id } = useOf(request)
  const patience = patienceOf(request.raw, undefined)
  const { signal, cancel } = patience
  const end = session ? tools.exchanges.begin(session.key, message.id, cancel) : () => {}
  const asked: Omit<Asked, 'tell' | 'context'> = {
    ...{ request: message, envelope, server_identifier, user_id, session, headers: request.headers },
    spend: (named) => tools.limits(request, reply, named),
    keepSession: (id) => reply.header('mcp-session-id', id)
  }
  const { traceparent } = callOptionsOf(request)
  const context = { caller, signal, cancel, traceparent, onHeld: heldUntilSent(reply.raw) }
  const mayPass = message.method === 'tools/call' && server_identifier !== undefined
  const work = (tell: Tell, passing: Passing) =>
    answerTo(tools, { ...asked, tell, context: { ...context, ...(mayPass && { passing }) } })
      .then((text) => (passing.hasBegun() ? `${text}}` : resultText(message.id, text)))
      .finally(() => {
        patience.end()
        end()
      })
  const failed = (thrown: unknown) => faultText(message.id, faultFor(thrown, request))
  return sendAnswer(request, reply, { beginning: resultBeginning(message.id), work, failed })
}

/** Before 2026-07-28 a client says at the beginning of its session what it can do. */
const envelopeFor = (envelope: Envelope, session: Session | undefined): Envelope =>
  session ? { ...envelope, capabilities: session.capabilities } : envelope

const faultFor = (thrown: unknown, request: FastifyRequest): RpcFault =>
  thrown instanceof RpcFault ? thrown : faultOf(reportedOf(thrown, request))
