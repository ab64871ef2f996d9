export {
  type Asking,
  type CalledTool,
  type CallTool,
  createMcpClient,
  type McpClient,
  type McpRequest,
  type McpTarget
} from './client.ts'
export { McpServerError, UpstreamUnauthorized, upstreamStatusOf } from './errors.ts'
export { defaultLimits, type McpLimits } from './limits.ts'
export type { ClientInfo, McpEvent, McpTool, Send } from './protocol.ts'
export { sendThrough } from './send-through.ts'
