import type { Json } from '@onbehalf/mcp'
import { type AskedCall, callTool } from '../calls/call-tool.ts'
import { type Asked, actsFor, type EndpointTools, hearing } from './asked.ts'
import { openState, sealState } from './request-state.ts'
import { RpcFault, rpcCodes } from './rpc.ts'

/** What a server answered, in its own words but for what its client's revision adds or lacks. */
export type Forwarded = { result: Json; text: string }

/** Says the request to the server of one provider, as its caller; `beside` is what it says besides its own names. */
export const forward = async (
  tools: EndpointTools,
  asked: Asked,
  server_identifier: string,
  callWith: (beside: Json) => Pick<AskedCall, 'tool' | 'arguments' | 'beside' | 'request' | 'requireAgreement'>
): Promise<Forwarded> => {
  const { capabilities } = asked.envelope
  const call = callWith(await besideOf(tools, asked, server_identifier))
  const context = { ...asked.context, ...hearing(asked) }
  const { result, resultText } = await callTool(
    tools,
    { server_identifier, capabilities, ...call, ...actsFor(asked) },
    context
  )
  const text = forEra(asked, result, resultText)
  if (result.resultType !== 'input_required' || result.requestState === undefined) return { result, text }
  const requestState = await sealState(tools, asked, server_identifier, result.requestState)
  return { result, text: JSON.stringify({ ...result, requestState }) }
}

const besideOf = async (tools: EndpointTools, asked: Asked, server_identifier: string): Promise<Json> => {
  const { inputResponses, requestState } = asked.request.params
  const { meta } = asked.envelope
  return {
    ...(Object.keys(meta).length > 0 && { _meta: meta }),
    ...(inputResponses !== undefined && { inputResponses }),
    ...(requestState !== undefined && {
      requestState: await openState(tools, asked, server_identifier, requestState)
    })
  }
}

/** A server of another era than the client's: what the one must say and the other does not know. */
export const forEra = ({ envelope: { era } }: Asked, result: Json, text: string): string => {
  if (era === 'modern' && result.resultType === undefined) return withMember('"resultType":"complete"', text)
  if (era === 'legacy' && result.resultType === 'input_required')
    throw new RpcFault(rpcCodes.serverError, 'The server asks for input, which needs a client of MCP 2026-07-28.')
  return text
}

/** The text of a JSON object with a member more in front. */
export const withMember = (member: string, text: string): string => {
  const rest = text.trimStart().slice(1).trimStart()
  return `{${member}${rest.startsWith('}') ? '' : ','}${rest}`
}
