import { createEgress, type Egress } from '@onbehalf/egress'
import type { Test } from 'tap'
import { createMcpClient, type McpLimits, type Send, sendThrough } from '../../src/client/index.ts'

/** As the services send, with the loopback address of each test server on the list. */
export const createSend = (test: Test): Send => {
  const open = new Map<string, Egress>()
  test.teardown(() => Promise.all([...open.values()].map((egress) => egress.close(100))))
  return (url, init) => {
    const { host } = new URL(url)
    const egress = open.get(host) ?? createEgress({ allow: host })
    open.set(host, egress)
    return sendThrough(egress)(url, init)
  }
}

/** As `send`, and tells what was sent before it is, and when the head of its answer has come. */
export const watched =
  (send: Send, { onSend, onHead }: { onSend?: (body: string) => void; onHead?: (body: string) => void }): Send =>
  async (url, init) => {
    const body = init.body ?? ''
    onSend?.(body)
    const answer = await send(url, init)
    onHead?.(body)
    return answer
  }

export const createTestClient = (
  test: Test,
  { limits, now, send = createSend(test) }: { limits?: Partial<McpLimits>; now?: () => Date; send?: Send } = {}
) => {
  const client = createMcpClient({
    send,
    clientInfo: { name: 'onbehalf-test', version: '1' },
    ...(limits && { limits }),
    ...(now && { now })
  })
  test.teardown(client.close)
  return client
}

export const base = { headers: {}, timeoutMs: 30_000, sseReadTimeoutMs: 30_000 }
