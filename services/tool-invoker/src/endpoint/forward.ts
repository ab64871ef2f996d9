import { type CallSignal, endingWithAny } from '@onbehalf/egress'
import { type CalledTool, type Json, mapMember, modernVersion, type ServerRequest } from '@onbehalf/mcp'
import { type AskedCall, callTool } from '../calls/call-tool.ts'
import { openState, type StateOf, sealState } from '../calls/request-state.ts'
import type { Peer } from '../calls/upstream.ts'
import { answersTo, askClient } from '../sessions/ask-client.ts'
import type { Session } from '../sessions/find.ts'
import { type Asked, actsFor, type EndpointTools, hearing } from './asked.ts'
import { RpcFault, rpcCodes } from './rpc.ts'

/** What a server answered, in its own words but for what its client's revision adds or lacks. */
export type Forwarded = { result: Json; text: string; protocolVersion: string | undefined }

/** The call that says a request to a server; `beside` is what goes along with the request's own names. */
type CallWith = (beside: Json) => Pick<AskedCall, 'tool' | 'arguments' | 'beside' | 'request' | 'requireAgreement'>

/** Says the request to the server of one provider, as its caller. */
export const forward = async (
  tools: EndpointTools,
  asked: Asked,
  server_identifier: string,
  callWith: CallWith
): Promise<Forwarded> => {
  const call = (beside: Json) =>
    callTool(
      tools,
      { server_identifier, peer: peerOf(tools, asked), ...callWith(beside), ...actsFor(asked) },
      { ...asked.context, ...hearing(asked) }
    )
  const beside = await besideOf(tools, asked, server_identifier)
  let called = await call(beside)
  for (let turn = 1; called.result.resultType === 'input_required' && asked.session; turn += 1) {
    if (turn > turnsMax) throw asksForEver()
    const { inputRequests, requestState } = called.result
    const inputResponses = await answersTo(inputRequests, asking(tools, asked, asked.session))
    await asked.spend(server_identifier)
    called = await call({ ...beside, inputResponses, ...(requestState !== undefined && { requestState }) })
  }
  const { result, protocolVersion } = called
  const text = forEra(asked, called)
  if (result.resultType !== 'input_required' || result.requestState === undefined)
    return { result, text, protocolVersion }
  const sealed = await sealState(tools, stateOf(asked, server_identifier), result.requestState)
  return { result, text: mapMember(text, 'requestState', () => JSON.stringify(sealed)), protocolVersion }
}

const stateOf = (asked: Asked, server_identifier: string): StateOf => {
  const { caller, traceparent } = asked.context
  const { method, params } = asked.request
  const { _meta, inputResponses, requestState, ...repeated } = params
  return {
    ...{ caller, traceparent, acts: actsFor(asked), server_identifier, method, params: repeated },
    refused: (what) => new RpcFault(rpcCodes.invalidParams, `params.requestState ${what}`)
  }
}

const turnsMax = 10

/** In a session a server of 2025-11-25 or older can ask its client, on the stream of the request it is asked with. */
const peerOf = (tools: EndpointTools, asked: Asked): Peer => {
  const { session, envelope } = asked
  if (!session) return { capabilities: envelope.capabilities }
  const { upstream, capabilities, level } = session
  return {
    ...{ session: upstream, capabilities, onRequest: asking(tools, asked, session) },
    ...(level !== undefined && { logLevel: level })
  }
}

const asking =
  ({ exchanges }: EndpointTools, { tell, context: { signal } }: Asked, session: Session) =>
  (request: ServerRequest, until?: CallSignal) =>
    askClient(exchanges, session, { say: tell, request, signal: until ? endingWithAny(signal, until) : signal })

const besideOf = async (tools: EndpointTools, asked: Asked, server_identifier: string): Promise<Json> => {
  const { inputResponses, requestState } = asked.request.params
  const { meta, era } = asked.envelope
  const own = Object.keys(meta).length > 0 ? { _meta: meta } : {}
  if (era === 'legacy') return own
  return {
    ...own,
    ...(inputResponses !== undefined && { inputResponses }),
    ...(requestState !== undefined && {
      requestState: await openState(tools, stateOf(asked, server_identifier), requestState)
    })
  }
}

/** What a server said, as a call gives it. */
type Said = Pick<CalledTool, 'result' | 'resultText' | 'isPassed'>

/** A server of another era than the client's: what the one must say and the other does not know. */
export const forEra = ({ envelope: { era } }: Asked, { result, resultText, isPassed }: Said): string => {
  if (era === 'legacy' && result.resultType === 'input_required') throw cannotAsk()
  if (era === 'legacy' || result.resultType !== undefined) return resultText
  const member = '"resultType":"complete"'
  // What was passed on has members already, and this is all that follows them.
  return isPassed ? `,${member}${resultText}` : withMember(member, resultText)
}

/** The text of a JSON object with a member more in front. */
export const withMember = (member: string, text: string): string => {
  const rest = text.trimStart().slice(1).trimStart()
  return `{${member}${rest.startsWith('}') ? '' : ','}${rest}`
}

const cannotAsk = () =>
  new RpcFault(
    rpcCodes.serverError,
    `The server asks for input, which needs a client of MCP ${modernVersion}, or one with a session.`
  )
const asksForEver = () => new RpcFault(rpcCodes.serverError, `The server asked for input more than ${turnsMax} times.`)
