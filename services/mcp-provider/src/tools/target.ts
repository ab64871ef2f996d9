import type { McpTarget } from '@onbehalf/mcp'
import type { Settings } from '../providers/provider.ts'

/** A provider's server as its settings reach it, with these headers. */
export const targetOf = (
  { server_url: url, timeout, sse_read_timeout }: Settings,
  headers: Record<string, string>
): McpTarget => ({ url, headers, timeoutMs: timeout * 1000, sseReadTimeoutMs: sse_read_timeout * 1000 })
