import type { Conversation } from './converse.ts'
import { malformed } from './errors.ts'
import type { McpLimits } from './limits.ts'
import { isTool, type Json, type McpTool } from './protocol.ts'

/** Reads every page of a catalogue, within bounds. */
export const listTools = async (
  conversation: Pick<Conversation, 'ask'>,
  limits: Pick<McpLimits, 'pagesMax' | 'toolsMax' | 'answerBytesMax'>
): Promise<McpTool[]> => {
  const tools: McpTool[] = []
  const cursors = new Set<string>()
  let cursor: string | undefined
  let bytes = 0
  for (let page = 1; ; page += 1) {
    const params: Json = cursor === undefined ? {} : { cursor }
    const { result } = await conversation.ask({ method: 'tools/list', params })
    if (!Array.isArray(result.tools) || !result.tools.every(isTool)) throw malformed('its list holds something else')
    // The bound of one answer holds for the whole catalogue, and all that is said with it: pages are no way around it.
    bytes += Buffer.byteLength(JSON.stringify(result))
    const isTooMuch = bytes > limits.answerBytesMax || tools.length + result.tools.length > limits.toolsMax
    if (isTooMuch) throw malformed('it lists too much')
    tools.push(...result.tools)
    cursor = typeof result.nextCursor === 'string' ? result.nextCursor : undefined
    if (cursor === undefined) return tools
    if (cursors.has(cursor)) throw malformed('its pages go in a circle')
    if (page === limits.pagesMax) throw malformed('it lists too much')
    cursors.add(cursor)
  }
}
