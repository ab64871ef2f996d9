import type { McpTarget } from '@onbehalf/mcp'
import type { Provider, Settings } from '../providers/provider.ts'

/** How a server is reached, and whose it is. */
export type Reached = Pick<Provider, 'tenant_id'> & { settings: Settings }

/** A provider's server as its settings reach it, with these headers; what is held of its answers is the tenant's. */
export const targetOf = (
  { tenant_id: holder, settings: { server_url: url, timeout, sse_read_timeout } }: Reached,
  headers: Record<string, string>
): McpTarget => ({ url, holder, headers, timeoutMs: timeout * 1000, sseReadTimeoutMs: sse_read_timeout * 1000 })
