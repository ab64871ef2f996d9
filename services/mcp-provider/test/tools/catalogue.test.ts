import { randomUUID } from 'node:crypto'
import { findTool, type ListedTool, listTools, providerChanges } from '@onbehalf/contracts'
import { call, readFeed } from '@onbehalf/rpc'
import { openBusAs } from '@onbehalf/testkit/players'
import t from 'tap'
import { startNotingServer } from '../mcp-server.ts'
import { refusalOf, startService } from '../start.ts'

const noting = await startNotingServer(t)
const { as, backends, broker, openAnother, resources } = await startService(t, { allow: [noting.address] })
const invoker = await openBusAs(t, backends, 'tool-invoker')
const url = '/v1/mcp-providers'
const soon = () => ({ deadlineAt: Date.now() + 20_000 })
const list = (principal: string, asked: object = {}) => call(invoker, listTools, { principal, ...asked }, soon())
const find = (principal: string, server_identifier: string, tool: string, more: object = {}) =>
  call(invoker, findTool, { principal, server_identifier, tool, ...more }, soon())
const namesOf = ({ data }: { data: { name: string }[] }) => data.map(({ name }) => name)

let made = 0
/** A tenant of its own with an owner. */
const startTenant = async () => {
  const owner = await broker.signIn({ role: 'owner' })
  const create = async (tools: object[], given: object = {}) => {
    made += 1
    noting.answer = { status: 200, tools }
    const names = { name: `Server ${made}`, server_identifier: `server-${made}`, server_url: `${noting.url}/${made}` }
    const { status, body } = await as(owner)('POST', url, { ...names, ...given })
    if (status !== 201) throw new Error(`${status} ${body.message}`)
    return { body, at: `${url}/${body.id}` }
  }
  const relist = async (at: string, tools: object[]) => {
    noting.answer = { status: 200, tools }
    return as(owner)('POST', `${at}/refresh-tools`)
  }
  return { owner, create, relist }
}
/** What the service itself said on the bus before has been heard when this is done. */
const heard = async () => {
  const bus = await openBusAs(t, backends, 'mcp-provider')
  const { promise, resolve } = Promise.withResolvers<void>()
  const reader = readFeed(bus, providerChanges, { onChange: () => resolve(), onReset: () => {} })
  await bus.connection.flush()
  const { create } = await startTenant()
  await create([])
  await promise
  reader.close()
}

t.test('any JSON Schema is kept as it is, and what a server says of its tools comes through', async (t) => {
  const { owner, create } = await startTenant()
  const input = {
    type: ['nonsense', 5],
    properties: { a: { type: 'unheard-of' } },
    $ref: 'http://127.0.0.1/x',
    x: null
  }
  const full = {
    ...{ name: 'full', title: 'Full', description: 'Has it all', inputSchema: input },
    ...{ outputSchema: { type: 'object' }, annotations: { readOnlyHint: true, odd: [1] } }
  }
  const { body } = await create([{ name: 'bare' }, full])
  const { inputSchema, outputSchema, ...same } = full
  const [bare, kept] = (await list(owner.ticket)).data
  t.match(bare, { name: 'bare', description: '', input_schema: { type: 'object' } })
  t.same(kept, {
    ...{ provider_id: body.id, server_identifier: body.server_identifier, hash: kept?.hash },
    ...{ ...same, input_schema: inputSchema, output_schema: outputSchema }
  })
  t.match(body.tools[1], { name: 'full', hash: kept?.hash, is_approved: true })
})

t.test('icons, _meta and execution come through, but for what is not fit to be passed on', async (t) => {
  const { owner, create } = await startTenant()
  const png = { src: 'data:image/png;base64,iVBORw0KGgo=', mimeType: 'image/png', sizes: ['48x48'], theme: 'dark' }
  const web = { src: 'https://icons.example/tool.svg' }
  const decorated = {
    ...{ name: 'a', inputSchema: { type: 'object' }, icons: [png, web], execution: { taskSupport: 'optional' } },
    _meta: { 'example.com/ui': { resourceUri: 'ui://tool' } }
  }
  const sources = [
    'javascript:alert(1)',
    'file:///etc/passwd',
    'http://icons.example/a',
    'data:text/html,x',
    'https:',
    5
  ]
  const doubtful = {
    ...{ name: 'b', icons: [...sources.map((src) => ({ src })), null, { ...web, sizes: '48x48', theme: 1, own: 2 }] },
    ...{ _meta: { 'onbehalf/error': { code: 'user_required' }, 'Onbehalf/x': 1, kept: true } },
    execution: { taskSupport: 'sometimes' }
  }
  const odd = { name: 'c', icons: 'https://icons.example/a', _meta: [1], execution: 'now' }
  const text = 'x'.repeat(16 * 1024)
  const large = {
    ...{ name: 'd', icons: [{ src: `data:image/png,${text}` }], _meta: { text } },
    execution: { taskSupport: 'optional', text }
  }
  const { body } = await create([decorated, doubtful, odd, large])
  const [a, b, c, d] = (await list(owner.ticket)).data
  const { inputSchema: _, ...decoration } = decorated
  t.match(a, decoration)
  t.match(body.tools[0], decoration, 'administrators see it, too')
  t.same(
    { icons: b?.icons, _meta: b?._meta, execution: b?.execution },
    { icons: [web], _meta: { kept: true }, execution: undefined }
  )
  for (const plain of [c, d]) t.notOk(plain && ('icons' in plain || '_meta' in plain))
  t.notOk(c && 'execution' in c)
  t.same(d?.execution, { taskSupport: 'optional' }, 'what MCP says of it, and nothing else')
  t.same(
    body.tools_left_out.map(({ name, member }) => `${name} ${member}`),
    ['b icons', 'd icons', 'd _meta']
  )
  const found = await find(owner.ticket, body.server_identifier, 'a')
  t.notOk(found.tool && ('icons' in found.tool || '_meta' in found.tool), 'a call does not carry it')
})

t.test('another _meta makes it another tool to approve, another icon does not', async (t) => {
  const { create, relist } = await startTenant()
  const tool = { name: 'a', _meta: { 'example.com/ui': 'ui://one' }, icons: [{ src: 'https://icons.example/a' }] }
  const { body, at } = await create([tool])
  const [hash] = body.tools.map((kept) => kept.hash)
  const icons = [{ src: 'https://icons.example/b' }]
  const repainted = await relist(at, [{ ...tool, icons, execution: { taskSupport: 'optional' } }])
  t.match(repainted.body.tools, [{ icons, hash }])
  const acting = await relist(at, [{ ...tool, _meta: { 'example.com/ui': 'ui://two' } }])
  t.not(acting.body.tools[0]?.hash, hash)
})

t.test('a tool that cannot be offered is left out with the reason, and the others stay', async (t) => {
  const { owner, create } = await startTenant()
  const with_ = (name: string, schema: object) => ({ name, inputSchema: { type: 'object', ...schema } })
  const annotated = (value: unknown, type = 'string') => ({ properties: { a: { type, 'x-mcp-header': value } } })
  const item = { type: 'string', 'x-mcp-header': 'A' }
  const bad = [
    with_('no-token', annotated('a b')),
    with_('empty', annotated('')),
    with_('number', annotated(5)),
    with_('object', annotated('A', 'object')),
    with_('root', { 'x-mcp-header': 'A' }),
    with_('item', { properties: { a: { type: 'array', items: item } } }),
    with_('one-of', { oneOf: [{ properties: { a: item } }] }),
    with_('def', { $defs: { a: item } }),
    with_('twice', { properties: { a: item, b: { ...item, 'x-mcp-header': 'a' } } }),
    { name: 'large', description: 'x'.repeat(300_000) }
  ]
  const nested = { type: 'object', properties: { b: { type: 'integer', 'x-mcp-header': 'B' } } }
  const data = { type: 'string', default: { 'x-mcp-header': 5 } }
  const good = with_('good', { properties: { a: item, c: nested, 'x-mcp-header': data } })
  const { body } = await create([...bad, good])
  t.same(body.tools_status, 'fresh')
  t.same(namesOf({ data: body.tools }), ['good'])
  t.same(
    body.tools_left_out.map(({ name }) => name),
    bad.map(({ name }) => name)
  )
  for (const { name, reason } of body.tools_left_out) t.match(reason, name === 'large' ? /256 KB/ : /x-mcp-header/)
  t.same(namesOf(await list(owner.ticket)), ['good'])
  t.match(await find(owner.ticket, body.server_identifier, 'twice'), { tool: null, is_listed: true })
})

t.test('a tenant lists its own tools by provider and name, in pages, of some providers, and by words', async (t) => {
  const { owner, create } = await startTenant()
  const first = await create([
    { name: 'b', description: 'Sends MAIL' },
    { name: 'a', title: '100 % off' }
  ])
  const second = await create([{ name: 'c' }, { name: 'd_e', description: 'mail, \u0000 and more' }, { name: 'dxe' }])
  const seen: ListedTool[] = []
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<typeof list>> = await list(owner.ticket, { limit: 2, ...(cursor ? { cursor } : {}) })
    t.ok(page.data.length <= 2)
    seen.push(...page.data)
    cursor = page.next_cursor
  } while (cursor !== null)
  t.same(namesOf({ data: seen }), ['a', 'b', 'c', 'd_e', 'dxe'])
  t.same(seen[2]?.provider_id, second.body.id)
  const { server_identifier } = first.body
  t.same(namesOf(await list(owner.ticket, { server_identifiers: [server_identifier, 'nowhere'] })), ['a', 'b'])
  t.same(namesOf(await list(owner.ticket, { server_identifiers: [] })), [])
  t.same(namesOf(await list(owner.ticket, { search: 'Mail' })), ['b', 'd_e'])
  t.same(namesOf(await list(owner.ticket, { search: '0 %' })), ['a'])
  t.same(namesOf(await list(owner.ticket, { search: 'd_e' })), ['d_e'])
  t.same((await list((await broker.signIn()).ticket)).data, [])
  t.equal((await refusalOf(list(owner.ticket, { cursor: 'made up' }))).code, 'invalid_request')
  t.equal((await refusalOf(list('x'))).code, 'policy_denied')
})

t.test('no page is over 512 KB, and a large tool still comes', async (t) => {
  const { owner, create } = await startTenant()
  const large = (name: string) => ({ name, description: 'x'.repeat(200_000) })
  await create(['a', 'b', 'c', 'd'].map(large))
  const first = await list(owner.ticket, { limit: 100 })
  t.same(namesOf(first), ['a', 'b'])
  t.ok(JSON.stringify(first).length < 512 * 1024)
  const rest = await list(owner.ticket, { limit: 100, ...(first.next_cursor ? { cursor: first.next_cursor } : {}) })
  t.same([namesOf(rest), rest.next_cursor], [['c', 'd'], null])
})

t.test('what changed is seen by the next question, at every replica', async (t) => {
  const other = await openAnother()
  const { owner, create, relist } = await startTenant()
  const { at, body } = await create([{ name: 'old' }])
  // Any of the two replicas may answer, so that ten questions are at both.
  const listTen = async () => (await Promise.all(Array.from({ length: 10 }, () => list(owner.ticket)))).map(namesOf)
  t.same(new Set((await listTen()).flat()), new Set(['old']))
  await relist(at, [{ name: 'new' }])
  await heard()
  t.same(new Set((await listTen()).flat()), new Set(['new']))
  t.match(await find(owner.ticket, body.server_identifier, 'old'), { tool: null })
  await create([{ name: 'another' }])
  await heard()
  t.same(new Set((await listTen()).flat()), new Set(['new', 'another']))
  await as(owner)('DELETE', at)
  await heard()
  t.same(new Set((await listTen()).flat()), new Set(['another']))
  await other.close()
})

t.test(
  'a tool that its server no longer knows so is listed anew, once for all who say it, and not again and again',
  async (t) => {
    const { owner, create } = await startTenant()
    const { body } = await create([{ name: 'a' }])
    const { server_identifier } = body
    const [{ hash: outdated_hash = '' } = {}] = body.tools
    noting.answer = { status: 200, tools: [{ name: 'a', description: 'other' }] }
    noting.seen.length = 0
    const ask = (hash = outdated_hash) => find(owner.ticket, server_identifier, 'a', { outdated_hash: hash })
    const listings = () => noting.seen.filter((seen) => seen['mcp-method'] === 'tools/list').length
    const wasListed = (tools_listed_at: Date) =>
      resources.db.updateTable('provider').set({ tools_listed_at }).where('id', '=', body.id).execute()
    // Later than now, so that it is just now however long the question takes.
    await wasListed(new Date(Date.now() + 60_000))
    t.match(await ask(), { tool: { description: '', hash: outdated_hash } }, 'it was listed just now')
    await wasListed(new Date(0))
    t.match(await ask('another'), { tool: { description: '' } }, 'what was outdated is not what is kept')
    t.equal(listings(), 0)
    const answers = await Promise.all([ask(), ask(), ask()])
    for (const { tool } of answers) t.match(tool, { description: 'other' })
    t.equal(listings(), 1)
  }
)

t.test('external users reach the providers that are marked for them, and no others', async (t) => {
  const { owner, create } = await startTenant()
  const inner = await create([{ name: 'inner' }])
  const outer = await create([{ name: 'outer' }], { external: true })
  const { ticket } = await broker.signIn({ tenant_id: owner.tenant_id, role: null })
  t.same(namesOf(await list(ticket)), ['outer'])
  t.match(await find(ticket, outer.body.server_identifier, 'outer'), { tool: { name: 'outer' } })
  t.equal((await refusalOf(find(ticket, inner.body.server_identifier, 'inner'))).code, 'not_found')
  await as(owner)('PATCH', outer.at, { external: false })
  await heard()
  t.same(namesOf(await list(ticket)), [])
  t.same(namesOf(await list(owner.ticket)), ['inner', 'outer'])
})

t.test('under review what is new or changed waits until an administrator approves what they saw', async (t) => {
  const { owner, create, relist } = await startTenant()
  const review = { tool_changes: 'review' }
  const { body, at } = await create([{ name: 'a' }, { name: 'b' }], review)
  const { server_identifier } = body
  const standing = async () => (await list(owner.ticket)).data.map(({ name, description }) => `${name}:${description}`)
  t.match(body.tools, [
    { name: 'a', is_approved: false },
    { name: 'b', is_approved: false }
  ])
  t.same(await standing(), [])
  t.match(await find(owner.ticket, server_identifier, 'a'), { is_approved: false, tool: { name: 'a' } })

  const seen = body.tools.map(({ name, hash }) => ({ name, hash }))
  const approved = await as(owner)('POST', `${at}/approve-tools`, { tools: seen })
  t.match(approved, { status: 200, body: { tools: [{ is_approved: true }, { is_approved: true }] } })
  await heard()
  t.same(await standing(), ['a:', 'b:'])

  const changed = await relist(at, [{ name: 'b', description: 'other' }, { name: 'c' }, { name: 'a' }])
  t.match(changed.body.tools, [
    { name: 'b', is_approved: false, approved_definition: { name: 'b', description: '' } },
    { name: 'c', is_approved: false },
    { name: 'a', is_approved: true }
  ])
  await heard()
  t.same(await standing(), ['a:'])
  t.equal((await find(owner.ticket, server_identifier, 'b')).is_approved, false)

  const old = await as(owner)('POST', `${at}/approve-tools`, { tools: [seen[0], seen[1]] })
  t.match(old, { status: 409, body: { code: 'conflict', details: [{ path: 'tools.1' }] } })
  const again = await relist(at, [{ name: 'b', description: 'third' }, { name: 'c' }, { name: 'a' }])
  t.match(
    again.body.tools[0],
    { is_approved: false, approved_definition: { description: '' } },
    'what was approved last'
  )
  const back = await relist(at, [{ name: 'b' }, { name: 'a' }])
  t.match(back.body.tools, [
    { name: 'b', is_approved: false },
    { name: 'a', is_approved: true }
  ])

  const { text } = await as(owner)('GET', `/v1/audit/providers?subject_id=${body.id}`)
  const events: { details: object }[] = JSON.parse(text).data
  t.match(
    events.map(({ details }) => details),
    [
      { changed: ['b'], removed: ['c'] },
      { changed: ['b'] },
      { added: ['c'], changed: ['b'] },
      { tools: ['a', 'b'] },
      { added: ['a', 'b'], tools: 2 },
      { fields: Array }
    ]
  )
})

t.test('a review may begin later and end: what is listed then stays, what waited is accepted', async (t) => {
  const { owner, create, relist } = await startTenant()
  const { at } = await create([{ name: 'a' }])
  const began = await as(owner)('PATCH', at, { tool_changes: 'review' })
  t.match(began.body, { tool_changes: 'review', tools: [{ name: 'a', is_approved: true }] })
  await relist(at, [{ name: 'a' }, { name: 'b' }])
  await heard()
  t.same(namesOf(await list(owner.ticket)), ['a'])
  const ended = await as(owner)('PATCH', at, { tool_changes: 'accept' })
  t.match(ended.body.tools, [{ is_approved: true }, { is_approved: true }])
  await heard()
  t.same(namesOf(await list(owner.ticket)), ['a', 'b'])
})

t.test('a server that could not be listed is told apart, and another URL begins anew', async (t) => {
  const { owner, create, relist } = await startTenant()
  const { at, body } = await create([{ name: 'a' }])
  const { server_identifier } = body
  noting.answer = { status: 401, tools: [] }
  await as(owner)('PATCH', at, { server_url: `${noting.url}/moved-${randomUUID()}` })
  t.match(await find(owner.ticket, server_identifier, 'a'), { tool: null, is_listed: false, is_approved: true })
  await as(owner)('PATCH', at, { tool_changes: 'review' })
  t.match(await find(owner.ticket, server_identifier, 'a'), { tool: null, is_listed: false, is_approved: false })
  await relist(at, [])
  t.match(await find(owner.ticket, server_identifier, 'a'), { tool: null, is_listed: true })
})

t.test('members see what waits and approve nothing', async (t) => {
  const { owner, create } = await startTenant()
  const { at, body } = await create([{ name: 'a' }], { tool_changes: 'review' })
  const member = await broker.signIn({ tenant_id: owner.tenant_id })
  const tools = body.tools.map(({ name, hash }) => ({ name, hash }))
  t.match((await as(member)('GET', at)).body.tools, [{ is_approved: false }])
  t.equal((await as(member)('POST', `${at}/approve-tools`, { tools })).status, 403)
  t.equal((await as(owner)('POST', `${at}/approve-tools`, { tools: [] })).status, 400)
  t.equal((await as(owner)('POST', `${at}/approve-tools`, { tools: [...tools, ...tools] })).status, 400)
})
