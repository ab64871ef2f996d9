import type { CatalogueTool } from '@onbehalf/contracts'
import { type CallSignal, throwIfEnded, untilAborted } from '@onbehalf/egress'
import { type ReportedError, toReported } from '@onbehalf/errors'
import { type CalledTool, type McpEvent, type MintedToken, type OnHeld, upstreamStatusOf } from '@onbehalf/mcp'
import type { Caller } from '@onbehalf/service-kit'
import type { Passing } from '../answers/pass.ts'
import type { Credentials } from '../credentials/cache.ts'
import { callWithCredential } from '../credentials/call-with.ts'
import { asDescribedAnew } from './as-described.ts'
import { mayBeRepeated } from './once-more.ts'
import { noteIdentity, type Prepared, type PrepareTools, prepare, tagsOfPrepared } from './prepare.ts'
import { beginRow, type CallRow } from './record.ts'
import type { Recorder } from './recorder.ts'
import { refusalFor } from './refusal.ts'
import type { CallsUnderWay } from './under-way.ts'
import { callAs, type Outbound, type Peer, type UpstreamRequest, type UpstreamTools } from './upstream.ts'

/** What a caller asks for. */
export type AskedCall = {
  server_identifier: string
  tool: string
  arguments: Record<string, unknown>
  user_id?: string
  app_id?: string
  timeout_ms?: number
  /** What the server is asked in place of running a tool; `tool` and `arguments` are then what is put on record. */
  request?: UpstreamRequest
  /** Goes along with the name and the arguments of a tool: what an MCP client says beside them. Throws where it may not. */
  beside?: Record<string, unknown> | (() => Promise<Record<string, unknown>>)
  /** Throws where something that goes along does not fit the tool, before anything is minted. */
  requireAgreement?: (tool: CatalogueTool) => void
  /** The MCP client it is for; left out, there is nobody whom the server could ask. */
  peer?: Peer
}

export type CallToolTools = PrepareTools &
  UpstreamTools & {
    publicUrl: string
    credentials: Pick<Credentials, 'hold' | 'use' | 'replace'>
    recorder: Pick<Recorder, 'reserve' | 'intend' | 'add'>
    underWay: Pick<CallsUnderWay, 'begin'>
    now: () => Date
  }

/** Who asks, when they stop waiting or are told to, and the trace the call belongs to. */
export type CallContext = {
  caller: Caller
  signal: CallSignal
  cancel: (reason: ReportedError) => void
  traceparent: string
  /** The call may be made, and the server is about to be asked. */
  onSend?: (() => void) | undefined
  /** Where a large result may go as it comes; left out, it is held. */
  passing?: Passing | undefined
  /** Hears of a large answer that is held for the caller. */
  onHeld?: OnHeld | undefined
  /** Hears of progress and log messages, which the server is then asked for. */
  onEvent?: ((event: McpEvent) => void) | undefined
}

export type AnsweredCall = Pick<CalledTool, 'result' | 'resultText' | 'isPassed' | 'protocolVersion'> & {
  minted: MintedToken | null
  row: CallRow
}

/** Makes one call and leaves one record of it, however it ends. */
export const callTool = async (tools: CallToolTools, asked: AskedCall, context: CallContext): Promise<AnsweredCall> => {
  const { caller, signal } = context
  const row = beginRow(caller.principal, asked, tools.now())
  tools.recorder.reserve()
  const watched = tools.underWay.begin(context.cancel)
  // One function, though it is long: what waits within another takes half a kilobyte more for as long as the server does.
  try {
    // Nobody is asked, and nothing waited for, beyond the end of the call; what is sent ends with it by itself.
    const beside = typeof asked.beside === 'function' ? await untilAborted(asked.beside(), signal) : asked.beside
    const preparing = prepare(tools, asked, context, row)
    const prepared = preparing instanceof Promise ? await untilAborted(preparing, signal) : preparing
    // Whoever stopped waiting meanwhile is not called for.
    throwIfEnded(signal)
    watched.sends(
      () => tagsOfPrepared(prepared),
      // A tool that takes other arguments now has them all the same.
      async () => prepare(tools, withoutArguments(asked), context, { ...row })
    )
    const intending = tools.recorder.intend(row)
    if (intending !== undefined) await untilAborted(intending, signal)
    throwIfEnded(signal)
    const outbound = outboundOf(asked, context, prepared, beside, row)
    let called: CalledTool
    try {
      called = await sendPrepared(tools, prepared, outbound, row)
    } catch (thrown) {
      const described = { prepared, arguments: asked.arguments, traceparent: context.traceparent, row }
      const anew = await untilAborted(asDescribedAnew(tools, described, outbound, thrown), signal)
      called = await sendPrepared(tools, prepared, anew, row)
    }
    row.outcome = outcomeOf(called.result)
    row.upstream_status = 200
    return answeredAs(prepared.identity ? prepared.identity.minted : null, row, called)
  } catch (thrown) {
    // However what was under way ended, the end of the call is why.
    const why = signal.aborted ? signal.reason : thrown
    const refusal = refusalFor(why, tools.publicUrl)
    row.outcome = toReported(refusal).code
    row.upstream_status = upstreamStatusOf(why)
    throw refusal
  } finally {
    watched.end()
    row.finished_at = tools.now()
    tools.recorder.add(row)
  }
}

const outcomeOf = ({ isError, resultType }: CalledTool['result']): string => {
  if (resultType === 'input_required') return resultType
  return isError === true ? 'tool_error' : 'ok'
}

const outboundOf = (
  asked: AskedCall,
  { signal, onEvent, onSend, onHeld, passing }: CallContext,
  { acting, provider, tool }: Prepared,
  beside: Record<string, unknown> | undefined,
  row: Pick<CallRow, 'id'>
): Outbound => ({
  acting,
  provider,
  request: requestOf(asked, tool, beside),
  mayBeRepeated: mayBeRepeated(tool),
  peer: asked.peer ?? { capabilities: {} },
  timeout_ms: asked.timeout_ms ?? Number.POSITIVE_INFINITY,
  signal,
  onEvent,
  onSend,
  onHeld,
  pass: passing && (() => passing.begin(row.id))
})

const sendPrepared = (
  tools: CallToolTools,
  { identity, credential }: Prepared,
  outbound: Outbound,
  row: CallRow
): Promise<CalledTool> =>
  identity
    ? callAs(tools, outbound, identity, (minted) => noteIdentity(row, minted))
    : callWithCredential(tools, outbound, credential)

const answeredAs = (
  minted: MintedToken | null,
  row: CallRow,
  { result, resultText, isPassed, protocolVersion }: CalledTool
): AnsweredCall => ({ result, resultText, isPassed, protocolVersion, minted, row })

const withoutArguments = ({ arguments: _, ...rest }: AskedCall) => rest

const requestOf = (
  { tool, arguments: given, request }: AskedCall,
  known: CatalogueTool | undefined,
  beside: Record<string, unknown> | undefined
): UpstreamRequest =>
  request ?? {
    method: 'tools/call',
    name: tool,
    params: { name: tool, arguments: given, ...beside },
    ...(known && { inputSchema: known.input_schema })
  }
