import t from 'tap'
import { createGuard } from '../src/guard.ts'
import { createPools } from '../src/pools.ts'

t.test('what was checked is remembered, and how much of it by how long it is', async (t) => {
  const pools = createPools(createGuard({ allow: '', deny: '' }), {
    ...{ connectTimeoutMs: 10_000, connectionsPerOrigin: 1, keepAliveMs: 600_000 }
  })
  const url = 'https://mcp.example/mcp'
  const first = pools.placeOf(url)
  for (let others = 0; others < 3_000; others += 1) pools.placeOf(`https://mcp.example/${others}`)
  t.equal(pools.placeOf(url), first)
  for (let others = 0; others < 3_000; others += 1) pools.placeOf(`https://mcp.example/${others}/${'x'.repeat(8_000)}`)
  t.not(pools.placeOf(url), first, '48 MB are not held')
  t.same(pools.placeOf(url), first)
  await pools.close(0)
})
