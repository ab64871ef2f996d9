import { toReported } from '@onbehalf/errors'
import { type MintedToken, type Tokens, UpstreamUnauthorized } from '@onbehalf/mcp'
import type { Caller } from '@onbehalf/service-kit'
import type { Providers } from '../providers/cache.ts'
import { type ActingTools, actingOf } from './acting.ts'
import { tokenAskOf } from './identity.ts'
import { beginRow, type CallRow } from './record.ts'
import type { Recorder } from './recorder.ts'
import { refusalFor } from './refusal.ts'
import { untilAborted } from './until-aborted.ts'
import { callAs, callPlain, type Outbound, type UpstreamTools } from './upstream.ts'

/** What a caller asks for. */
export type AskedCall = {
  server_identifier: string
  tool: string
  arguments: Record<string, unknown>
  user_id?: string
  app_id?: string
  timeout_ms?: number
}

export type CallToolTools = ActingTools &
  UpstreamTools & {
    publicUrl: string
    providers: Pick<Providers, 'find'>
    tokens: Pick<Tokens, 'get' | 'reissue'>
    recorder: Pick<Recorder, 'reserve' | 'add'>
    now: () => Date
  }

/** Who asks, when they stop waiting, and the trace the call belongs to. */
export type CallContext = { caller: Caller; signal: AbortSignal; traceparent: string }

export type AnsweredCall = { row: CallRow; result: Record<string, unknown>; minted: MintedToken | null }

type Made = Pick<AnsweredCall, 'result' | 'minted'>

/** Makes one call and leaves one record of it, however it ends. */
export const callTool = async (tools: CallToolTools, asked: AskedCall, context: CallContext): Promise<AnsweredCall> => {
  const { principal } = context.caller
  const row = beginRow(principal, asked, tools.now())
  tools.recorder.reserve()
  try {
    const made = await untilAborted(make(tools, asked, context, row), context.signal)
    row.outcome = made.result.isError === true ? 'tool_error' : 'ok'
    row.upstream_status = 200
    return { row, ...made }
  } catch (thrown) {
    const refusal = refusalFor(thrown, tools.publicUrl)
    const { code, cause } = toReported(refusal)
    row.outcome = code
    row.upstream_status = upstreamStatusOf(code, cause)
    throw refusal
  } finally {
    row.finished_at = tools.now()
    tools.recorder.add(row)
  }
}

const make = async (tools: CallToolTools, asked: AskedCall, context: CallContext, row: CallRow): Promise<Made> => {
  const { server_identifier, tool, timeout_ms = Number.POSITIVE_INFINITY } = asked
  const { signal, traceparent } = context
  const acting = await actingOf(tools, context.caller, asked)
  row.user_id = acting.principal.user_id
  const { settings: provider } = await tools.providers.find({ acting, server_identifier, traceparent })
  row.provider_id = provider.provider_id
  row.mode = provider.mode
  const outbound: Outbound = { acting, provider, tool, arguments: asked.arguments, timeout_ms, signal }
  if (provider.mode === 'off') return { ...(await callPlain(tools, outbound)), minted: null }

  const call = { tool, arguments_digest: row.arguments_digest }
  const ask = tokenAskOf(tools.providers, acting, provider, { call, traceparent })
  let minted = await tools.tokens.get(ask)
  noteIdentity(row, minted)
  // Whoever stopped waiting while the token was minted is not called for.
  signal.throwIfAborted()
  const { result } = await callAs(tools, outbound, ask, minted, (next) => {
    minted = next
    noteIdentity(row, next)
  })
  return { result, minted }
}

const noteIdentity = (row: CallRow, { identity }: MintedToken): void => {
  row.audience = identity.audience
  row.token_jti = identity.jti
}

const upstreamStatusOf = (code: string, cause: unknown): number | null => {
  if (code === 'upstream_unauthorized' || cause instanceof UpstreamUnauthorized) return 401
  return code === 'upstream_insufficient_scope' ? 403 : null
}
