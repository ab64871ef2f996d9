import type { CatalogueTool } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type CalledTool, isJson, type McpEvent, upstreamStatusOf } from '@onbehalf/mcp'

type Hear = ((event: McpEvent) => void) | undefined

/** Whether the tool says that it can be called twice with nothing more coming of it (2026-07-28, tool annotations). */
export const mayBeRepeated = (tool: CatalogueTool | undefined): boolean =>
  isJson(tool?.annotations) && tool.annotations.idempotentHint === true

/** Asks once more where the connection broke before anything was heard: only for what may be repeated. */
export const askOnceMore = async (
  ask: (onEvent: Hear) => Promise<CalledTool>,
  { onEvent, signal }: { onEvent: Hear; signal: AbortSignal }
): Promise<CalledTool> => {
  let hasHeard = false
  const hear = (event: McpEvent) => {
    hasHeard = true
    onEvent?.(event)
  }
  try {
    return await ask(onEvent && hear)
  } catch (thrown) {
    if (hasHeard || signal.aborted || !isLost(thrown)) throw thrown
    return ask(onEvent)
  }
}

/** Whether nobody answered, rather than that the server, or somebody before it, said no. */
const isLost = (thrown: unknown): boolean =>
  thrown instanceof ReportedError && thrown.code === 'upstream_unavailable' && upstreamStatusOf(thrown) === null
