import type { CatalogueTool } from '@onbehalf/contracts'
import { type CallSignal, wasSent } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { type CalledTool, isJson, type McpClient, type McpRequest, upstreamStatusOf } from '@onbehalf/mcp'

/** A request that can be sent once more, until the signal ends it. */
export type Repeatable = McpRequest & { signal: CallSignal }

/** Who hears what the server tells and asks before it answers, and what it answers. */
type Ears = Pick<McpRequest, 'onEvent' | 'onRequest' | 'pass'>

/** Whether the tool says that it can be called twice with nothing more coming of it (2026-07-28, tool annotations). */
export const mayBeRepeated = (tool: CatalogueTool | undefined): boolean =>
  isJson(tool?.annotations) && tool.annotations.idempotentHint === true

/** Asks once more where the connection broke before anything was heard: only for what may be repeated. */
export const askOnceMore = async (mcp: Pick<McpClient, 'request'>, asked: Repeatable): Promise<CalledTool> => {
  const { onEvent, onRequest, pass, signal } = asked
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
    return await mcp.request({ ...asked, ...first })
  } catch (thrown) {
    if (hasHeard || signal.aborted || !isLost(thrown)) throw thrown
    return await mcp.request(asked).catch((again: unknown) => {
      // That the second was never sent says nothing about the first, which may have been made.
      throw wasSent(again) === 'no' ? thrown : again
    })
  }
}

/** Whether nobody answered, rather than that the server, or somebody before it, said no. */
const isLost = (thrown: unknown): boolean =>
  thrown instanceof ReportedError && thrown.code === 'upstream_unavailable' && upstreamStatusOf(thrown) === null
