import type { KyselyPlugin } from 'kysely'
import t from 'tap'
import { toolPages } from '../../src/tools/page-store.ts'
import { startNotingServer } from '../mcp-server.ts'
import { startService } from '../start.ts'

const noting = await startNotingServer(t)
const { as, broker, resources } = await startService(t, { allow: [noting.address] })

/** A tenant with a provider of such tools. */
const startTenant = async (tools: object[]) => {
  const owner = await broker.signIn({ role: 'owner' })
  noting.answer = { status: 200, tools }
  const { body } = await as(owner)('POST', '/v1/mcp-providers', {
    ...{ name: 'n', server_identifier: 'n', server_url: noting.url }
  })
  t.equal(body.tools.length, tools.length)
  return { tenant_id: owner.tenant_id, isExternal: false }
}
/** Pages, and how much of the database's answers there was to read for them. */
const startReading = () => {
  const read = { bytes: 0 }
  const count: KyselyPlugin = {
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => {
      read.bytes += JSON.stringify(result.rows).length
      return result
    }
  }
  return { read, pages: toolPages(resources.db.withPlugin(count)) }
}
const all = { server_identifiers: undefined, search: undefined, after: undefined }
const large = (name: string) => ({ name, description: 'x'.repeat(200_000) })

t.test('for a page no more definitions are read than it shows', async (t) => {
  const sight = await startTenant(Array.from({ length: 30 }, (_, index) => large(`t${index}`)))
  const { read, pages } = startReading()
  const { tools, hasMore } = await pages.page(sight, { ...all, limit: 100, bytesMax: 480 * 1024 })
  t.same([tools.map(({ name }) => name), hasMore], [['t0', 't1'], true])
  t.ok(read.bytes < 480 * 1024, `${read.bytes} bytes`)
})

t.test(
  'what follows begins where a page ended, whether it was full or large, and the last says that nothing follows',
  async (t) => {
    const names = ['a', 'b', 'c', 'd', 'e']
    const sight = await startTenant(names.map(large))
    const { pages } = startReading()
    const walk = async (asked: { limit: number; bytesMax: number }) => {
      const seen: string[] = []
      for (let after: { provider_id: string; name: string } | undefined; ; ) {
        const { tools, hasMore } = await pages.page(sight, { ...all, ...asked, after })
        seen.push(tools.map(({ name }) => name).join(''))
        after = tools.at(-1)
        if (!hasMore) return seen
      }
    }
    t.same(await walk({ limit: 2, bytesMax: 10_000_000 }), ['ab', 'cd', 'e'])
    t.same(await walk({ limit: 5, bytesMax: 10_000_000 }), ['abcde'])
    t.same(await walk({ limit: 100, bytesMax: 650_000 }), ['abc', 'de'])
    t.same(await walk({ limit: 100, bytesMax: 1 }), names, 'one at least')
    t.same(await pages.page(sight, { ...all, limit: 5, bytesMax: 1, search: 'none' }), { tools: [], hasMore: false })
  }
)

t.test('no tool is as much more in a page as to make it too large', async (t) => {
  const sight = await startTenant(Array.from({ length: 50 }, (_, index) => ({ name: `t${index}`.padEnd(64, 'é') })))
  const { pages } = startReading()
  const { tools } = await pages.page(sight, { ...all, limit: 100, bytesMax: 10_000 })
  t.ok(Buffer.byteLength(JSON.stringify(tools)) <= 10_000)
})
