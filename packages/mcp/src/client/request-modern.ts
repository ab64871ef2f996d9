import { exchange } from './exchange.ts'
import { accept, encodeHeaderValue } from './headers.ts'
import { type Answer, isJson, metaKeys } from './protocol.ts'
import { type Request, type Target, tell, type Wires } from './target.ts'

/** One request in a revision without sessions, describing itself (2026-07-28). */
export const requestModern = (wires: Wires, target: Target, request: Request, version: string): Promise<Answer> => {
  const id = wires.nextId()
  const meta = {
    ...(isJson(request.params._meta) && request.params._meta),
    [metaKeys.protocolVersion]: version,
    [metaKeys.clientCapabilities]: target.capabilities,
    [metaKeys.clientInfo]: wires.clientInfo,
    ...(target.wantsEvents && { progressToken: id, [metaKeys.logLevel]: target.logLevel ?? 'info' })
  }
  const headers: Record<string, string> = {
    ...target.headers,
    ...request.headers,
    accept,
    'content-type': 'application/json',
    'mcp-protocol-version': version,
    'mcp-method': request.method
  }
  if (request.name !== undefined) headers['mcp-name'] = encodeHeaderValue(request.name)
  const body = { jsonrpc: '2.0', id, method: request.method, params: { ...request.params, _meta: meta } }
  const { url, holder, deadline, timeoutMs, sseReadTimeoutMs, messageLengthMax } = target
  return exchange(wires, {
    ...{ url, holder, headers, id, body: JSON.stringify(body) },
    ...{ deadline, timeoutMs, sseReadTimeoutMs, messageLengthMax },
    ...{ pass: request.pass, onHeld: request.onHeld, isResumable: false },
    onMessage: ({ method, params }) => tell(target, method, params)
  })
}
