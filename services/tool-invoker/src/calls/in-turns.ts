import { ReportedError } from '@onbehalf/errors'
import { type Json, mapMember } from '@onbehalf/mcp'
import type { AnsweredCall, AskedCall, CallContext } from './call-tool.ts'
import { openState, type StateOf, type StateTools, sealState } from './request-state.ts'

/** What a caller can be asked for, and its answers, in MCP's own words (2026-07-28, multi-round-trip requests). */
export type Turn = { capabilities?: Json; inputResponses?: Json; requestState?: string }
type Context = Pick<CallContext, 'caller' | 'traceparent'>

/** The call that is made: with the answers of its caller, and what the server wanted back with them. */
export const turnOf = (tools: StateTools, asked: AskedCall & Turn, context: Context): AskedCall =>
  isTurn(asked) ? withAnswers(tools, asked, context) : asked

/** What a server answered, with what it wants back sealed; at once where it wants nothing, as most of them. */
export const sealed = (
  tools: StateTools,
  asked: AskedCall,
  context: Context,
  answered: AnsweredCall
): AnsweredCall | Promise<AnsweredCall> => {
  const { resultType, requestState } = answered.result
  if (resultType !== 'input_required' || requestState === undefined) return answered
  return sealState(tools, stateOf(asked, context), requestState).then((state) => ({
    ...answered,
    resultText: mapMember(answered.resultText, 'requestState', () => JSON.stringify(state))
  }))
}

const isTurn = ({ capabilities, inputResponses, requestState }: Turn): boolean =>
  capabilities !== undefined || inputResponses !== undefined || requestState !== undefined

const withAnswers = (tools: StateTools, asked: AskedCall & Turn, context: Context): AskedCall => {
  const { capabilities = {}, inputResponses, requestState, ...call } = asked
  const beside = async () => ({
    ...(inputResponses && { inputResponses }),
    ...(requestState !== undefined && {
      requestState: await openState(tools, stateOf(asked, context), requestState)
    })
  })
  return { ...call, beside, peer: { capabilities } }
}

const stateOf = (asked: AskedCall, { caller, traceparent }: Context): StateOf => ({
  ...{ caller, traceparent, acts: asked, server_identifier: asked.server_identifier },
  ...{ method: 'tools/call', params: { name: asked.tool, arguments: asked.arguments } },
  refused: (what) =>
    new ReportedError('invalid_request', `requestState ${what}`, { details: [{ path: 'requestState', message: what }] })
})
