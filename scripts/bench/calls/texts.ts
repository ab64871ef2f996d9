import { identifierOf, type Mode, tokenOf } from './neighbours.ts'

/** A call: of whom, of which provider, in which mode, and how its server answers. */
export type Asked = { mode: Mode; way?: string; person?: number; provider?: number; accept?: string }

const told = { text: 'Hello' }

/** A call through the gateway, as its caller makes it. */
export const callOf = ({ mode, way = 'echo', person = 0, provider = 0, accept }: Asked) => {
  const server_identifier = identifierOf(mode, way, provider)
  return {
    path: '/v1/tools/call',
    headers: {
      authorization: `Bearer ${tokenOf(person)}`,
      'content-type': 'application/json',
      ...(accept && { accept })
    },
    body: JSON.stringify({ server_identifier, tool: 'echo', arguments: told })
  }
}

/** The same as it is sent. */
export const callText = (asked: Asked): string => textOf(callOf(asked))

/** The same call without a gateway. */
export const directText = (way = 'echo'): string => {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' }
  }
  const params = { name: 'echo', arguments: told, _meta }
  return textOf({
    path: `/${way}`,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'echo'
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
  })
}

type Post = { path: string; headers: Record<string, string>; body: string }

const textOf = ({ path, headers, body }: Post): string => {
  const lines = Object.entries({ host: '127.0.0.1', ...headers, 'content-length': body.length })
  return `POST ${path} HTTP/1.1\r\n${lines.map((line) => line.join(': ')).join('\r\n')}\r\n\r\n${body}`
}
