import { randomUUID } from 'node:crypto'
import { startBackends } from '@onbehalf/testkit'
import { openBusAs } from '@onbehalf/testkit/players'
import t from 'tap'
import { createKeptTokens } from '../../src/tokens/kept/kept.ts'

const bus = await openBusAs(t, await startBackends(t), 'identity-broker')
const fetched: string[] = []
const token = 'x'.repeat(8 * 1024)
const kept = createKeptTokens({
  bus,
  // As it is without Redis.
  shared: { look: async () => ({ found: undefined, lookedAt: undefined }), keep: async () => {} },
  onOwnChange: () => {},
  latest: { note: () => {} },
  // So that nothing ends while this runs.
  now: () => 0,
  mintNext: async () => undefined,
  mintAnew: async ({ provider: { audience } }) => {
    fetched.push(audience)
    const from = { generation: null, grant_id: null, connection_id: null }
    return { token, expires_at: 4_000_000_000, reusable: true, subject: 'ann', jti: null, ...from }
  }
})
t.teardown(kept.close)
const [tenant_id, user_id] = [randomUUID(), randomUUID()]
const mint = (index: number) =>
  kept.mint({
    ...{ tenant_id, user_id, mode: 'idp_token', actor: { kind: 'user', id: user_id }, app_id: null, call: 'any' },
    ...{ provider: { audience: `https://${index}.example`, scopes: [] }, rejectedTokenHash: undefined },
    deadlineAt: Date.now() + 20_000
  })

t.test('large tokens are kept while there is room for them, which they take of each other', async (t) => {
  const many = 12_000
  for (let index = 0; index < many; index += 1) await mint(index)
  fetched.length = 0
  await mint(many - 1)
  t.same(fetched, [], 'the last one is there')
  await mint(0)
  t.same(fetched, ['https://0.example'], 'the first one made room')
})
