import type { CatalogueTool } from '@onbehalf/contracts'
import { type CallSignal, wasSent } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { type CalledTool, isJson, type McpRequest, upstreamStatusOf } from '@onbehalf/mcp'

/** Who hears what the server tells and asks before it answers, and what it answers. */
export type Ears = Pick<McpRequest, 'onEvent' | 'onRequest' | 'pass'>

/** Whether the tool says that it can be called twice with nothing more coming of it (2026-07-28, tool annotations). */
export const mayBeRepeated = (tool: CatalogueTool | undefined): boolean =>
  isJson(tool?.annotations) && tool.annotations.idempotentHint === true

/** Asks once more where the connection broke before anything was heard: only for what may be repeated. */
export const askOnceMore = async (
  ask: (ears: Ears) => Promise<CalledTool>,
  ears: Ears,
  signal: CallSignal
): Promise<CalledTool> => {
  const { onEvent, onRequest, pass } = ears
  let hasHeard = false
  const onFirstEvent: Ears['onEvent'] = (event) => {
    hasHeard = true
    onEvent?.(event)
  }
  const onFirstRequest: Ears['onRequest'] =
    onRequest &&
    ((request) => {
      hasHeard = true
      return onRequest(request)
    })
  const passFirst: Ears['pass'] =
    pass &&
    (() => {
      hasHeard = true
      return pass()
    })
  const first = { onEvent: onFirstEvent, ...(onFirstRequest && { onRequest: onFirstRequest }), pass: passFirst }
  try {
    return await ask(first)
  } catch (thrown) {
    if (hasHeard || signal.aborted || !isLost(thrown)) throw thrown
    return await ask(ears).catch((again: unknown) => {
      // That the second was never sent says nothing about the first, which may have been made.
      throw wasSent(again) === 'no' ? thrown : again
    })
  }
}

/** Whether nobody answered, rather than that the server, or somebody before it, said no. */
const isLost = (thrown: unknown): boolean =>
  thrown instanceof ReportedError && thrown.code === 'upstream_unavailable' && upstreamStatusOf(thrown) === null
