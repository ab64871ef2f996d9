import t from 'tap'
import type { Send } from '../../src/client/index.ts'
import { base, createTestClient } from './send.ts'

const answers: Record<string, object> = {
  'tools/call': { content: [{ type: 'text', text: 'x'.repeat(700_000) }] },
  'server/discover': { supportedVersions: ['2026-07-28'], capabilities: {} }
}
const send: Send = async (_url, { body = '' }) => {
  const { id, method } = JSON.parse(body)
  const text = JSON.stringify({ jsonrpc: '2.0', id, result: answers[method] })
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: (async function* () {
      yield Buffer.from(text)
    })()
  }
}

t.test('whoever holds large answers leaves room for those of others', async (t) => {
  const client = createTestClient(t, { send, limits: { heldBytesMax: 3_200_000 } })
  const held: (() => void)[] = []
  const call = (holder: string) =>
    client.callTool({
      ...{ ...base, url: 'http://127.0.0.1:9/mcp', name: 'x', arguments: {}, holder },
      onHeld: (giveBack) => held.push(giveBack)
    })
  for (let round = 0; round < 3; round += 1) await call('one')
  await t.rejects(call('one'), { code: 'upstream_error' })
  t.ok(await call('another'))
  await t.rejects(call('one'), { code: 'upstream_error' })
  for (const giveBack of held.splice(0)) giveBack()
  for (let round = 0; round < 3; round += 1) await call('another')
})
