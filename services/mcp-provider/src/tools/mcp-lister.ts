import type { Egress } from '@onbehalf/egress'
import { createMcpClient, defaultLimits, type McpTarget, type McpTool, type Send, type Watched } from '@onbehalf/mcp'

export type McpLister = {
  /** Asks a server for all of its tools; a call with a credential goes over https or listed loopback only. */
  list: (target: McpTarget, options: { carriesCredential: boolean }) => Promise<McpTool[]>
  /** Tells of changes of a server's tools until the server ends it, or `target.signal`. */
  watch: (target: McpTarget, options: { carriesCredential: boolean; onChange: () => void }) => Promise<Watched>
  close: () => Promise<void>
}

const clientInfo = { name: 'onbehalf', version: '0.1.0' }

/** Our MCP client over the guarded way out: one for calls that carry a credential, one for those that do not. */
export const openMcpLister = (egress: Pick<Egress, 'request'>): McpLister => {
  const open = (carriesCredential: boolean) =>
    createMcpClient({ send: sendThrough(egress, carriesCredential), clientInfo })
  const carrying = open(true)
  const plain = open(false)
  return {
    list: async (target, { carriesCredential }) => {
      const { tools } = await (carriesCredential ? carrying : plain).listTools(target)
      return tools
    },
    watch: (target, { carriesCredential, onChange }) =>
      (carriesCredential ? carrying : plain).watchTools(target, onChange),
    close: async () => {
      await Promise.all([carrying.close(), plain.close()])
    }
  }
}

// The client ends its own waits, and for longer than egress would by itself.
const sendThrough =
  (egress: Pick<Egress, 'request'>, carriesCredential: boolean): Send =>
  (url, init) =>
    egress.request(url, {
      ...init,
      carriesCredential,
      timeoutMs: Number.POSITIVE_INFINITY,
      maxBytes: defaultLimits.answerBytesMax
    })
