export type { Asking, CalledTool, CallTool, McpRequest, McpTarget } from './asking.ts'
export { createMcpClient, type McpClient } from './client.ts'
export {
  isHeaderMismatch,
  McpServerError,
  UpstreamInsufficientScope,
  UpstreamUnauthorized,
  upstreamStatusOf
} from './errors.ts'
export { decodeHeaderValue } from './headers.ts'
export { defaultLimits, type McpLimits } from './limits.ts'
export { faultOfParameterHeaders } from './parameter-annotation.ts'
export { disagreeingParameter } from './parameter-headers.ts'
export {
  type ClientInfo,
  isJson,
  isRpcError,
  type Json,
  listenMethod,
  type McpEvent,
  type McpTool,
  metaKeys,
  modernVersion,
  type OnHeld,
  type Pass,
  type RpcError,
  type RpcOutcome,
  type Send,
  type ServerRequest,
  streamableVersions,
  type Take
} from './protocol.ts'
export { sendThrough } from './send-through.ts'
export { mapItems, mapMember } from './splice.ts'
export type { Watched } from './watch-tools.ts'
