import t from 'tap'
import type { Setting } from './setting.ts'

/** What may not be registered. */
export const testInput = ({ as, broker, noting, owner, asOwner, url, fresh }: Setting): void => {
  const long = (length: number) => 'a'.repeat(length)
  const badInputs: [string, object][] = [
    ['name', { name: undefined }],
    ['name', { name: '' }],
    ['name', { name: '   ' }],
    ['name', { name: long(41) }],
    ['name', { name: 'a\u0000b' }],
    ['name', { name: 5 }],
    ['name', { name: null }],
    ['server_url', { server_url: undefined }],
    ['server_url', { server_url: 'ftp://mcp.example.com/' }],
    ['server_url', { server_url: 'mcp.example.com' }],
    ['server_url', { server_url: 'https://user:pw@mcp.example.com/' }],
    ['server_url', { server_url: 'https://mcp.example.com/#part' }],
    ['server_url', { server_url: 'https://2130706433/mcp' }],
    ['server_url', { server_url: 'https://mcp.example.com/a b' }],
    ['server_url', { server_url: `https://mcp.example.com/${long(2048)}` }],
    ['server_identifier', { server_identifier: undefined }],
    ['server_identifier', { server_identifier: 'Upper' }],
    ['server_identifier', { server_identifier: 'a__b' }],
    ['server_identifier', { server_identifier: '_a' }],
    ['server_identifier', { server_identifier: 'a_' }],
    ['server_identifier', { server_identifier: long(65) }],
    ['headers.bad name', { headers: { 'bad name': 'x' } }],
    ['headers.a\nb', { headers: { 'a\nb': 'x' } }],
    ['headers.X-A', { headers: { 'X-A': 'a\r\nX-B: b' } }],
    ['headers.X-A', { headers: { 'X-A': '' } }],
    ['headers.X-A', { headers: { 'X-A': 5 } }],
    ['headers.x-a', { headers: { 'X-A': 'a', 'x-a': 'b' } }],
    ['headers.Host', { headers: { Host: 'inner.example.com' } }],
    ['headers.Mcp-Session-Id', { headers: { 'Mcp-Session-Id': 'x' } }],
    ['headers', { headers: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`x-${index}`, 'x'])) }],
    ['headers', { headers: [] }],
    ['configuration.timeout', { configuration: { timeout: 0 } }],
    ['configuration.timeout', { configuration: { timeout: 601 } }],
    ['configuration.timeout', { configuration: { timeout: '30' } }],
    ['configuration.sse_read_timeout', { configuration: { sse_read_timeout: 3601 } }],
    ['configuration.retries', { configuration: { retries: 3 } }],
    ['authentication.client_id', { authentication: {} }],
    ['authentication.client_id', { authentication: { client_id: '' } }],
    ['authentication.client_secret', { authentication: { client_id: 'a', client_secret: 5 } }],
    ['forward_user_identity', { forward_user_identity: 'yes' }],
    ['forward_user_identity', { forward_user_identity: null }],
    ['identity_mode', { identity_mode: 'impersonate' }],
    ['identity_mode', { identity_mode: '__proto__' }],
    ['icon_type', { icon_type: 'svg' }],
    ['icon', { icon: long(2049) }],
    ['icon_background', { icon_background: 5 }],
    ['tenant_id', { tenant_id: owner.tenant_id }]
  ]

  t.test('what is wrong with the input is named, and nothing is stored', async (t) => {
    const before = await asOwner('GET', `${url}?limit=200`)
    for (const [path, wrong] of badInputs) {
      const given = { ...fresh({ server_url: 'https://mcp.example.com/' }), ...wrong }
      const { status, body } = await asOwner('POST', url, given)
      const label = `${path} ${JSON.stringify(wrong).slice(0, 80)}`
      t.equal(status, 400, label)
      t.equal(body.code, 'invalid_request', label)
      t.same(
        body.details.map((detail) => detail.path),
        [path],
        label
      )
    }
    t.equal((await asOwner('POST', url, [])).status, 400)
    t.same((await asOwner('GET', `${url}?limit=200`)).body, before.body)
  })

  t.test('name, identifier and URL are unique in a tenant, and a conflict names which one it is', async (t) => {
    const other = as(await broker.signIn({ role: 'admin' }))
    const taken = { name: 'Taken', server_identifier: 'taken', server_url: `${noting.url}?taken` }
    t.equal((await asOwner('POST', url, taken)).status, 201)
    for (const field of ['name', 'server_identifier', 'server_url'] as const) {
      const given = { ...fresh({ server_url: `${noting.url}?${field}` }), [field]: taken[field] }
      const { status, body } = await asOwner('POST', url, given)
      t.equal(status, 409)
      t.match(body, { code: 'conflict', message: new RegExp(field), details: [{ path: field, message: 'is taken' }] })
    }
    t.equal((await other('POST', url, taken)).status, 201, 'another tenant may have the same')
  })
}
