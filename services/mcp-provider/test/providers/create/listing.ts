import t from 'tap'
import type { Setting } from './setting.ts'

/** How the tools of a new provider are listed. */
export const testListing = ({ whoami, everything, noting, asOwner, url, fresh, secret }: Setting): void => {
  t.test('the create answer already has the tools, and no second save is needed', async (t) => {
    const first = await asOwner('POST', url, fresh({ name: 'Who am I', server_url: whoami.url }))
    t.equal(first.status, 201)
    t.match(first.body, {
      name: 'Who am I',
      server_url: whoami.url,
      configuration: { timeout: 30, sse_read_timeout: 300 },
      masked_headers: {},
      authentication: null,
      tools_status: 'fresh',
      tools_error: null,
      revision: 1,
      created_at: /^\d{4}-\d\d-\d\dT.*Z$/,
      tools: [
        {
          name: 'whoami',
          description: /who is calling/,
          output_schema: { required: ['subject', 'audience', 'issuer'] }
        },
        { name: 'echo', input_schema: { properties: { message: { type: 'string' } } }, hash: /^[\w-]{43}$/ }
      ]
    })
    t.notOk(first.text.includes('tenant_id'))
    const second = await asOwner('POST', url, fresh({ server_url: everything.url }))
    t.equal(second.status, 201)
    t.equal(second.body.tools_status, 'fresh')
    t.ok(second.body.tools.length > 8)
    t.same((await asOwner('GET', `${url}/${second.body.id}`)).body, second.body)
  })

  t.test('both identity fields are in the answer, also when they were not given', async (t) => {
    const { body } = await asOwner('POST', url, fresh({ server_url: `${noting.url}?identity` }))
    t.match(body, { forward_user_identity: false, identity_mode: 'off' })
  })

  t.test('a server that is not there, or may not be called, leaves the provider stored and says why', async (t) => {
    const gone = await asOwner('POST', url, fresh({ server_url: `http://127.0.0.3:${whoami.port}/mcp` }))
    t.equal(gone.status, 201)
    t.same(gone.body.tools, [])
    t.match(gone.body, { tools_status: 'unreachable', tools_error: /EGRESS_ALLOW/ })
    noting.answer = { ...noting.answer, status: 503 }
    const away = await asOwner('POST', url, fresh({ server_url: `${noting.url}?away` }))
    noting.answer = { ...noting.answer, status: 200 }
    t.equal(away.status, 201)
    t.same(away.body.tools, [])
    t.match(away.body, { tools_status: 'unreachable', tools_error: /cannot be reached or is not working/ })
    const { body } = await asOwner('POST', `${url}/${away.body.id}/refresh-tools`)
    t.match(body, { tools: [{ name: 'noted' }], tools_status: 'fresh', tools_error: null, revision: 1 })
    noting.answer = { ...noting.answer, status: 500 }
    const kept = await asOwner('POST', `${url}/${away.body.id}/refresh-tools`)
    noting.answer = { ...noting.answer, status: 200 }
    t.match(kept.body, { tools: [{ name: 'noted' }], tools_status: 'unreachable' }, 'the last catalogue stays')
  })

  t.test('a list that cannot be kept is told of, and never half kept', async (t) => {
    const bad = [[{ name: 'a' }, { name: 'a' }], [{ name: 'a\u0000' }]]
    for (const [index, tools] of bad.entries()) {
      noting.answer = { status: 200, tools }
      const { status, body } = await asOwner('POST', url, fresh({ server_url: `${noting.url}?bad=${index}` }))
      t.equal(status, 201)
      t.same(body.tools, [])
      t.match(body, { tools_status: 'unreachable', tools_error: /list of tools cannot be used/ })
    }
    const odd = {
      name: 'odd',
      title: 5,
      description: 'NUL \u0000 and \ud800',
      inputSchema: { type: 'nonsense', x: ['\u0000'] }
    }
    noting.answer = { status: 200, tools: [odd] }
    const { body } = await asOwner('POST', url, fresh({ server_url: `${noting.url}?odd` }))
    noting.answer = { status: 200, tools: [{ name: 'noted' }] }
    t.match(body, {
      tools_status: 'fresh',
      tools: [{ name: 'odd', input_schema: { type: 'nonsense', x: ['\u0000'] } }]
    })
    t.notOk(JSON.stringify(body.tools).includes('title'))
  })

  t.test("the provider's headers go to its server, and a 401 says that it wants a credential", async (t) => {
    const [key, name] = [secret(), secret()]
    noting.seen.length = 0
    const headers = { 'X-Api-Key': key, Authorization: `Basic ${name}` }
    await asOwner('POST', url, fresh({ server_url: `${noting.url}?headers`, headers }))
    t.ok(noting.seen.length > 0)
    for (const seen of noting.seen) t.match(seen, { 'x-api-key': key, authorization: `Basic ${name}` })
    noting.answer = { ...noting.answer, status: 401 }
    const { status, body } = await asOwner('POST', url, fresh({ server_url: `${noting.url}?401` }))
    noting.answer = { ...noting.answer, status: 200 }
    t.equal(status, 201)
    t.match(body, { tools_status: 'needs_identity', tools_error: /wants a credential/ })
  })

  t.test('headers are secrets: over plain http they go nowhere but to listed loopback', async (t) => {
    const given = { server_url: 'http://93.184.216.34/mcp', headers: { 'X-Key': 'abc' } }
    const { status, body } = await asOwner('POST', url, fresh(given))
    t.equal(status, 201)
    t.match(body, { tools_status: 'unreachable', tools_error: /needs https/ })
  })
}
