import t from 'tap'
import { startNotingServer } from '../mcp-server.ts'
import { startService } from '../start.ts'

const noting = await startNotingServer(t)
const { app, broker } = await startService(t, { allow: [noting.address] })
const mount = '/console/api/workspaces/current'
const bytesMax = 9 * 1024 * 1024

type Shown = { id: string; tools: { name: string }[]; description: { en_US: string } }

/** A tenant, and what its console shows. */
const startTenant = async () => {
  const { headers } = await broker.signIn({ role: 'owner' })
  const create = async (name: string, tools: object[]): Promise<Shown> => {
    noting.answer = { status: 200, tools }
    const payload = { name, server_identifier: name, server_url: `${noting.url}/${name}` }
    const answer = await app.inject({ method: 'POST', url: `${mount}/tool-provider/mcp`, headers, payload })
    if (answer.statusCode !== 200) throw new Error(answer.body)
    return answer.json()
  }
  const get = async (path: string) => {
    const { body } = await app.inject({ method: 'GET', url: `${mount}/${path}`, headers })
    t.ok(Buffer.byteLength(body) < bytesMax, `${Buffer.byteLength(body)} bytes`)
    return JSON.parse(body)
  }
  const list = async () => {
    const all: Shown[] = await get('tools/mcp')
    return all.map(({ id, tools, description }) => ({ id, count: tools.length, words: description.en_US }))
  }
  return { create, get, list }
}
const many = (count: number, more: object) =>
  Array.from({ length: count }, (_, index) => ({ name: `t${index}`, ...more }))
/** Two thousand parameters are 25 KB, and half a megabyte as the console shows them. */
const wide = {
  inputSchema: {
    type: 'object',
    properties: Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`p${index}`, {}]))
  }
}
/** As much as may be, of which the console shows nothing. */
const heavy = { inputSchema: { type: 'object', $comment: 'x'.repeat(250_000) } }

t.test('the console is shown the tools that there is room for, and told how many more there are', async (t) => {
  const { create, get, list } = await startTenant()
  const { id } = await create('wide', many(60, wide))
  await create('zz', many(2, {}))
  const [first, second] = await list()
  t.ok(first && first.count > 0 && first.count < 60, `${first?.count} of 60`)
  t.match(first?.words, new RegExp(`^${60 - (first?.count ?? 0)} more of its tools are not shown`))
  t.same(second, { id: 'zz', count: 2, words: '' }, 'what is small finds room beside it')
  const one: Shown = await get(`tool-provider/mcp/tools/${id}`)
  t.match([one.tools.length, one.description.en_US], [first?.count, first?.words], 'also where it is alone')
})

t.test('tools that are too much together are not read for the list', async (t) => {
  const { create, get, list } = await startTenant()
  const [, second] = [await create('a', many(30, heavy)), await create('b', many(30, heavy))]
  await create('c', many(1, {}))
  t.match(await list(), [
    { id: 'a', count: 30, words: '' },
    { id: 'b', count: 0, words: /^30 more of its tools are not shown/ },
    { id: 'c', count: 1, words: '' }
  ])
  const one: Shown = await get(`tool-provider/mcp/tools/${second.id}`)
  t.match([one.tools.length, one.description.en_US], [30, ''], 'each is shown where it is asked for alone')
})
