import { ReportedError } from '@onbehalf/errors'
import { type Json, mapMember } from '@onbehalf/mcp'
import { type AnsweredCall, type AskedCall, type CallContext, type CallToolTools, callTool } from './call-tool.ts'
import { openState, type StateOf, type StateTools, sealState } from './request-state.ts'

/** What a caller can be asked for, and its answers, in MCP's own words (2026-07-28, multi-round-trip requests). */
export type Turn = { capabilities?: Json; inputResponses?: Json; requestState?: string }

/** Makes a call that its server may answer with questions: what it wants back with the answers is sealed. */
export const callInTurns = async (
  tools: CallToolTools & StateTools,
  asked: AskedCall & Turn,
  context: CallContext
): Promise<AnsweredCall> => {
  const answered = await callTool(tools, isTurn(asked) ? turnOf(tools, asked, context) : asked, context)
  const { resultType, requestState } = answered.result
  if (resultType !== 'input_required' || requestState === undefined) return answered
  const sealed = await sealState(tools, stateOf(asked, context), requestState)
  return { ...answered, resultText: mapMember(answered.resultText, 'requestState', () => JSON.stringify(sealed)) }
}

const isTurn = ({ capabilities, inputResponses, requestState }: Turn): boolean =>
  capabilities !== undefined || inputResponses !== undefined || requestState !== undefined

const turnOf = (tools: StateTools, asked: AskedCall & Turn, context: CallContext): AskedCall => {
  const { capabilities = {}, inputResponses, requestState, ...call } = asked
  const beside = async () => ({
    ...(inputResponses && { inputResponses }),
    ...(requestState !== undefined && {
      requestState: await openState(tools, stateOf(asked, context), requestState)
    })
  })
  return { ...call, beside, peer: { capabilities } }
}

const stateOf = (asked: AskedCall, { caller, traceparent }: CallContext): StateOf => ({
  ...{ caller, traceparent, acts: asked, server_identifier: asked.server_identifier },
  ...{ method: 'tools/call', params: { name: asked.tool, arguments: asked.arguments } },
  refused: (what) =>
    new ReportedError('invalid_request', `requestState ${what}`, { details: [{ path: 'requestState', message: what }] })
})
