import t from 'tap'
import { joinContents, joinPrompt, joinResult } from '../../../src/endpoint/join-content.ts'
import { callable, type Json, type Setting, url } from './setting.ts'

/** What servers offer beside tools. */
export const testOffers = ({
  app,
  ask,
  askLegacy,
  devices,
  everything,
  fixture,
  forwarding,
  modern,
  recording
}: Setting): void => {
  t.test('a resource in a result is under its joined URI, however its server writes that it is one', async (t) => {
    const uri = 'onbehalf://other/test://one'
    for (const type of ['resource_link', '\\u0072esource_link'])
      t.match(JSON.parse(joinResult('one', `{"content":[{"type":"${type}","uri":"${uri}"}]}`)), {
        content: [{ type: 'resource_link', uri: `onbehalf://one/${uri}` }]
      })
    const text = '{"content": [{"type": "text", "text": "\\u00fc", "_meta": {"x": 12345678901234567890}}]}'
    t.equal(joinResult('one', text), text, 'what holds none stays as it is')
  })

  t.test('a result at the endpoint of all has 10,000 items at most, and is else not understood', async (t) => {
    const joined = (count: number, item = '0') => {
      const items = Array.from({ length: count }, () => item).join()
      return `{"x":"\\u0061","content":[${items}],"content":[],"contents":[${items}],"messages":[${items}]}`
    }
    const error = { code: 'upstream_error', message: /holds more than 10000 items/ }
    for (const join of [joinResult, joinContents, joinPrompt]) {
      for (const item of ['0', '"\\",,\\\\"', '[0,0,{"a":[1,2]}]'])
        t.equal(join('one', joined(9_999, item)), joined(9_999, item))
      t.throws(() => join('one', joined(10_001)), error)
    }
    t.throws(() => joinResult('one', joined(10_000)), error, 'in all members of the name')

    const user = devices.makeToken()
    const { server_identifier } = forwarding(user.tenant_id, recording, { tools: callable(['x']) })
    recording.answer(() => ({ content: Array.from({ length: 10_001 }, () => ({ type: 'resource', n: 1 })) }))
    const call = async (path: string, name: string) =>
      (await ask(path, user.headers, { method: 'tools/call', params: { name } })).body
    const { code } = error
    t.match(await call('/mcp', `${server_identifier}__x`), {
      result: { isError: true, _meta: { 'onbehalf/error': { code } } }
    })
    const own = await call(url(server_identifier), 'x')
    t.equal(Object(own.result).content.length, 10_001, 'where nothing is joined it is as it came')
  })

  t.test(
    'all but the URI of a resource stays in the words of its server: its order, its numbers, its spaces',
    async (t) => {
      const user = devices.makeToken()
      const { server_identifier } = forwarding(user.tenant_id, recording, { tools: callable(['x']) })
      const [own, joined] = ['test://a', `onbehalf://${server_identifier}/test://a`]
      const link = (uri: string) =>
        `{ "uri" : "${uri}","type":"resource_link", "n": 12345678901234567890, "content": [] }`
      const inner = (uri: string) => `{"a":"]}\\"","resource":{"1":1.10,"uri":"${uri}","0":1e400},"type":"resource"}`
      const onTheWeb = link('https://there.example/a')
      const list = (uri: string) => `[ ${link(uri)},${inner(uri)},{"type":"text","uri":"${own}"},5,${onTheWeb} ]`
      const result = (uri: string) =>
        `{"resultType":"complete","uri":"${own}","content":${list(uri)},"structuredContent":{"id":12345678901234567890}}`
      recording.answer(({ id }, raw) => {
        raw
          .writeHead(200, { 'content-type': 'application/json' })
          .end(`{"jsonrpc":"2.0","id":${id},"result":${result(own)}}`)
        return undefined
      })
      const name = `${server_identifier}__x`
      const payload = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name } }
      const head = { ...user.headers, host: '127.0.0.1', accept: 'application/json' }
      const answer = await app.inject({ method: 'POST', url: '/mcp', headers: head, payload })
      t.equal(answer.body, `{"jsonrpc":"2.0","id":7,"result":${result(joined)}}`)

      const prompt = (uri: string) => `{"messages":[{"content":${inner(uri)},"n":1.0},{"content":${link(uri)}}],"m":-0}`
      t.equal(joinPrompt(server_identifier, prompt(own)), prompt(joined))
      const read = (uri: string) =>
        `{"contents" : [ {"uri":"${uri}","size":1e400} , {"blob":"" } ],"n":1.0,"uri":"${own}"}`
      t.equal(joinContents(server_identifier, read(own)), read(joined))
      for (const odd of ['{"contents":[]}', '{"contents":{"uri":"a"}}', '{"contents":[[{"uri":"a"}],{"uri":7}]}'])
        t.equal(joinContents(server_identifier, odd), odd)
    }
  )

  t.test('what a server offers beside tools is passed on as it says it, and what it lacks is empty', async (t) => {
    const user = devices.makeToken()
    const legacy = forwarding(user.tenant_id, everything).server_identifier
    const listed = await ask(url(legacy), user.headers, { method: 'prompts/list' })
    t.match(listed.body, { result: { resultType: 'complete', ttlMs: Number, cacheScope: 'private' } })
    const [{ name }] = Object(listed.body.result).prompts
    const got = await ask(url(legacy), user.headers, { method: 'prompts/get', params: { name } })
    t.match(got.body, { result: { resultType: 'complete', messages: [{ role: 'user' }] } })
    const resources = await askLegacy(url(legacy), user.headers, 'resources/list')
    const [{ uri }] = Object(resources.body.result).resources
    const read = await askLegacy(url(legacy), user.headers, 'resources/read', { uri })
    t.match(read.body, { result: { contents: [{ uri }] } })
    const absent = await askLegacy(url(legacy), user.headers, 'resources/read', { uri: 'test://absent' })
    t.match(absent, { status: 200, body: { error: { code: Number, message: /absent|not found/i } } })

    const bare = forwarding(user.tenant_id, modern).server_identifier
    t.match((await ask(url(bare), user.headers, { method: 'prompts/list' })).body, { result: { prompts: [] } })
    t.match((await askLegacy(url(bare), user.headers, 'resources/list')).body, { result: { resources: [] } })
  })

  t.test('the endpoint of all has the prompts and resources of every provider, under joined names', async (t) => {
    const user = devices.makeToken()
    const { tenant_id } = user
    forwarding(tenant_id, everything, { server_identifier: 'one' })
    forwarding(tenant_id, fixture, { server_identifier: 'two' })
    forwarding(tenant_id, { url: 'http://127.0.0.1:1/mcp' }, { server_identifier: 'away' })
    const list = async (method: string, member: string, key: string): Promise<string[]> => {
      const { body } = await ask('/mcp', user.headers, { method })
      t.match(body, { result: { resultType: 'complete', cacheScope: 'private', ttlMs: Number } })
      return Object(body.result)[member].map((item: Json) => item[key])
    }
    const prompts = await list('prompts/list', 'prompts', 'name')
    t.ok(prompts.includes('two__test_simple_prompt') && prompts.some((name) => name.startsWith('one__')))
    const resources = await list('resources/list', 'resources', 'uri')
    const uri = 'onbehalf://two/test://static-text'
    t.ok(resources.includes(uri) && resources.some((one) => one.startsWith('onbehalf://one/')))
    const templates = await list('resources/templates/list', 'resourceTemplates', 'uriTemplate')
    t.ok(templates.includes('onbehalf://two/test://template/{id}/data'))

    const call = async (method: string, params: Json) => (await ask('/mcp', user.headers, { method, params })).body
    const name = 'two__test_simple_prompt'
    t.match(await call('prompts/get', { name }), { result: { messages: [{ role: 'user' }] } })
    t.match(await call('resources/read', { uri }), { result: { contents: [{ uri, text: /static text/ }] } })
    const argument = { name: 'arg1', value: 'par' }
    for (const ref of [
      { type: 'ref/prompt', name: 'two__test_prompt_with_arguments' },
      { type: 'ref/resource', uri: 'onbehalf://two/test://template/{id}/data' }
    ])
      t.match(await call('completion/complete', { ref, argument }), { result: { completion: { values: ['paris'] } } })
    for (const [method, params] of [
      ['prompts/get', { name: 'nowhere__x' }],
      ['prompts/get', { name: 'x' }],
      ['resources/read', { uri: 'onbehalf://nowhere/test://x' }],
      ['resources/read', { uri: 'test://static-text' }]
    ] as const)
      t.match(await call(method, params), { error: { code: -32602, message: 'There is no such prompt or resource.' } })

    for (let index = 0; index < 10; index += 1) forwarding(tenant_id, fixture, { server_identifier: `m-${index}` })
    const first = await call('prompts/list', {})
    const { nextCursor: cursor } = Object(first.result)
    t.type(cursor, 'string')
    const second = await call('prompts/list', { cursor })
    t.match(second, { result: { nextCursor: undefined } })
    t.ok(JSON.stringify(second).includes('two__test_simple_prompt'))
  })

  t.test(
    'what a result or a prompt at the endpoint of all leads to can be read there, unless it is on the web',
    async (t) => {
      const user = devices.makeToken()
      const { tenant_id } = user
      forwarding(tenant_id, everything, { server_identifier: 'one' })
      forwarding(tenant_id, fixture, { server_identifier: 'two' })
      forwarding(tenant_id, recording, { server_identifier: 'three' })
      const call = async (path: string, name: string, given: Json = {}) =>
        Object(
          (await ask(path, user.headers, { method: 'tools/call', params: { name, arguments: given } })).body.result
        )
      const linked = await call('/mcp', 'one__get-resource-links', { count: 1 })
      const { uri } = linked.content.find(({ type }: Json) => type === 'resource_link')
      t.match(uri, /^onbehalf:\/\/one\//)
      const read = await ask('/mcp', user.headers, { method: 'resources/read', params: { uri } })
      t.match(read.body, { result: { contents: [{ uri }] } })

      const content = [
        { type: 'resource_link', name: 'file', uri: 'test://file', _meta: { uri: 'test://file' } },
        { type: 'resource', resource: { text: 'x', uri: 'test://whole' } },
        { type: 'resource_link', name: 'page', uri: 'https://example.com/page' },
        { type: 'text', text: 'test://text' }
      ]
      recording.answer(() => ({ content, structuredContent: { uri: 'test://file' } }))
      t.match(
        await call(url('three'), 'x'),
        { content, structuredContent: { uri: 'test://file' } },
        'at its own as it is'
      )
      const [file, whole, page, text] = content
      t.same((await call('/mcp', 'three__x')).content, [
        { ...file, uri: 'onbehalf://three/test://file' },
        { ...whole, resource: { text: 'x', uri: 'onbehalf://three/test://whole' } },
        page,
        text
      ])
      const params = {
        name: 'two__test_prompt_with_embedded_resource',
        arguments: { resourceUri: 'test://static-text' }
      }
      const prompt = await ask('/mcp', user.headers, { method: 'prompts/get', params })
      t.match(prompt.body, {
        result: { messages: [{ content: { resource: { uri: 'onbehalf://two/test://static-text' } } }, {}] }
      })
    }
  )
}
