import type { Egress } from '@onbehalf/egress'
import type { Send } from '@onbehalf/mcp'

// What the protocol itself sends; anything else was given by a provider or is an identity.
const plain: ReadonlySet<string> = new Set([
  ...['accept', 'content-type', 'last-event-id'],
  ...['mcp-protocol-version', 'mcp-method', 'mcp-name', 'mcp-session-id']
])
const isPlain = (name: string) => plain.has(name.toLowerCase())

const bytesMax = 16 * 1024 * 1024

/** The MCP client's requests, each through the egress guard; how long and how much is the client's to bound. */
export const egressSend =
  (egress: Pick<Egress, 'open'>): Send =>
  (url, init) =>
    egress.open(url, {
      ...init,
      carriesCredential: !Object.keys(init.headers).every(isPlain),
      maxBytes: bytesMax
    })
