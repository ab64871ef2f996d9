import type { McpTool } from '@onbehalf/mcp'
import t from 'tap'
import { providerStore } from '../../src/providers/store.ts'
import { catalogueOf } from '../../src/tools/catalogue.ts'
import { startNotingServer } from '../mcp-server.ts'
import { refusalOf, startService } from '../start.ts'

const noting = await startNotingServer(t)
const { as, broker, resources } = await startService(t, { allow: [noting.address] })

const many = (count: number, more: object = {}): McpTool[] =>
  Array.from({ length: count }, (_, index) => ({ name: `tool-${index}`, ...more }))
const membersOf = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 0]))
const nested = (depth: number): object => JSON.parse(`${'{"items":'.repeat(depth)}{}${'}'.repeat(depth)}`)
/** A list that says so when one of its tools is looked at. */
const untouched = (listed: McpTool[]): McpTool[] => {
  const look = () => {
    throw new Error('a tool was looked at')
  }
  return listed.map((tool) => new Proxy(tool, { get: look, ownKeys: look }))
}

t.test('of more than 20,000 tools none is looked at', async (t) => {
  const refused = await refusalOf(catalogueOf(untouched(many(20_001))))
  t.match(refused, { code: 'upstream_error', message: /more than 20000 tools/ })
  t.equal((await catalogueOf(many(20_000))).tools.length, 20_000)
})

t.test('a tool of too many values, or nested too deeply, is left out before more of it is looked at', async (t) => {
  const endless = [membersOf(0), ...Array.from({ length: 16_000 }, () => 0)]
  const listed = [
    { name: 'members', inputSchema: membersOf(16_000) },
    { name: 'items', inputSchema: { enum: endless } },
    { name: 'deep', inputSchema: nested(200_000) },
    { name: 'good', inputSchema: { ...membersOf(15_900), ...nested(90) } }
  ]
  let seen = 0
  const watched = new Proxy(membersOf(1_000_000), {
    get: (all, key) => {
      seen += 1
      return Reflect.get(all, key)
    }
  })
  const { tools, left_out } = await catalogueOf([...listed, { name: 'watched', inputSchema: watched }])
  t.same(
    tools.map(({ name }) => name),
    ['good']
  )
  t.same(
    left_out.map(({ name, reason }) => `${name}: ${reason}`),
    [
      'members: its definition has more than 16000 values',
      'items: its definition has more than 16000 values',
      'deep: its definition is nested too deeply',
      'watched: its definition has more than 16000 values'
    ]
  )
  t.ok(seen <= 16_000, `${seen} of a million`)
})

t.test('icons and _meta that are too much are left out before they are sorted out', async (t) => {
  const icon = { src: 'https://icons.example/a' }
  const [_meta, icons] = [nested(200_000), Array.from({ length: 100_000 }, () => icon)]
  const { tools, left_out } = await catalogueOf([{ name: 'a', _meta, icons }])
  t.match(tools, [{ name: 'a', icons: undefined, _meta: undefined }])
  t.same(left_out, [
    { name: 'a', member: 'icons', reason: 'has more than 16000 values' },
    { name: 'a', member: '_meta', reason: 'is nested too deeply' }
  ])
})

t.test('others are answered while a long list is gone through', async (t) => {
  let isDone = false
  let turns = 0
  const count = () => {
    turns += 1
    if (!isDone) setImmediate(count)
  }
  setImmediate(count)
  await catalogueOf(many(100, { inputSchema: membersOf(4_000) }))
  isDone = true
  t.ok(turns >= 10, `${turns} turns`)
})

t.test('of what is left out the first are named, and how many more there are; the record has the number', async (t) => {
  const owner = await broker.signIn({ role: 'owner' })
  const url = '/v1/mcp-providers'
  noting.answer = { status: 200, tools: [{ name: 'good' }, ...many(5_000, { inputSchema: { 'x-mcp-header': 1 } })] }
  const made = { name: 'n', server_identifier: 'n', server_url: noting.url }
  const { body } = await as(owner)('POST', url, made)
  t.equal(body.tools_status, 'fresh')
  t.equal(body.tools_left_out.length, 100)
  t.match(body.tools_left_out[98], { name: 'tool-98', reason: /^an x-mcp-header is no name of a header$/ })
  t.match(body.tools_left_out[99], { name: 'tool-99', reason: /header; and 4900 more/ })
  const { text } = await as(owner)('GET', `/v1/audit/providers?subject_id=${body.id}`)
  t.match(JSON.parse(text).data[0].details, { tools: 1, left_out: 5_000 })
  noting.answer = {
    status: 200,
    tools: many(5_000, { icons: [0] }).map((tool) => ({ ...tool, name: tool.name.padEnd(256, '"') }))
  }
  await as(owner)('POST', `${url}/${body.id}/refresh-tools`)
  const [listed] = (await as(owner)('GET', url)).body.data
  t.ok(JSON.stringify(listed?.tools_left_out).length < 17 * 1024, 'also where their names are long')
  t.match(listed?.tools_left_out.at(-1)?.reason, /and 49\d\d more/)
  const store = providerStore(resources.db)
  const reads = [await store.findByIdentifier(owner.tenant_id, 'n'), await store.find(owner.tenant_id, body.id)]
  for (const row of reads) t.notOk(row && 'tools_left_out' in row, 'a call does not read it')
})
