import t from 'tap'
import { checkPattern, covers } from '../../src/audiences/pattern.ts'

await t.test('a pattern covers its origin and path and nothing that only looks like them', async (t) => {
  const prefix = 'https://tools.example.com/mcp/*'
  const rows: [pattern: string, audience: string, isCovered: boolean][] = [
    // exact
    ['https://tools.example.com/mcp', 'https://tools.example.com/mcp', true],
    ['https://tools.example.com/mcp', 'https://tools.example.com/mcp/', false],
    ['https://tools.example.com/mcp/', 'https://tools.example.com/mcp', false],
    ['https://tools.example.com/mcp', 'https://tools.example.com/mcp2', false],
    ['https://tools.example.com/mcp', 'https://tools.example.com/MCP', false],
    ['https://tools.example.com', 'https://tools.example.com', true],
    ['https://tools.example.com', 'https://tools.example.com/', false],
    ['https://tools.example.com/a%20b', 'https://tools.example.com/a%20b', true],
    // prefix
    [prefix, 'https://tools.example.com/mcp/one', true],
    [prefix, 'https://tools.example.com/mcp/one/two', true],
    [prefix, 'https://tools.example.com/mcp/', true],
    [prefix, 'https://tools.example.com/mcp', false],
    [prefix, 'https://tools.example.com/mcpx/one', false],
    [prefix, 'https://tools.example.com/other', false],
    ['https://tools.example.com/*', 'https://tools.example.com', true],
    ['https://tools.example.com/*', 'https://tools.example.com/', true],
    ['https://tools.example.com/*', 'https://tools.example.com/any/mcp', true],
    // another host that begins, ends or hides like ours
    [prefix, 'https://tools.example.com.evil/mcp/one', false],
    [prefix, 'https://tools.example.community/mcp/one', false],
    [prefix, 'https://xtools.example.com/mcp/one', false],
    [prefix, 'https://evil.example/https://tools.example.com/mcp/one', false],
    [prefix, 'https://tools.example.com@evil.example/mcp/one', false],
    [prefix, 'https://user:pass@tools.example.com/mcp/one', false],
    [prefix, 'https://user@tools.example.com/mcp/one', false],
    [prefix, 'https://@tools.example.com/mcp/one', false],
    [prefix, 'https://evil.example\\@tools.example.com/mcp/one', false],
    [prefix, 'https:\\\\tools.example.com\\mcp\\one', false],
    [prefix, 'https://tools.example.com./mcp/one', false],
    [prefix, 'https://tools.example.com%2eevil.example/mcp/one', false],
    [prefix, 'https://tools.examplе.com/mcp/one', false],
    // scheme and port
    [prefix, 'http://tools.example.com/mcp/one', false],
    [prefix, 'https://tools.example.com:443/mcp/one', false],
    [prefix, 'https://tools.example.com:8443/mcp/one', false],
    [prefix, 'https://tools.example.com:/mcp/one', false],
    ['https://tools.example.com:8443/*', 'https://tools.example.com:8443/mcp', true],
    ['https://tools.example.com:8443/*', 'https://tools.example.com/mcp', false],
    // case and white space: audiences are compared byte for byte
    [prefix, 'HTTPS://tools.example.com/mcp/one', false],
    [prefix, 'https://Tools.Example.com/mcp/one', false],
    [prefix, ' https://tools.example.com/mcp/one', false],
    [prefix, 'https://tools.example.com/mcp/one ', false],
    [prefix, 'https://tools.example.com/mcp/one\n', false],
    [prefix, 'https://tools.exa\tmple.com/mcp/one', false],
    // a path that a server may read as another one
    [prefix, 'https://tools.example.com/mcp/../admin', false],
    [prefix, 'https://tools.example.com/mcp/%2e%2e/admin', false],
    [prefix, 'https://tools.example.com/mcp/..%2fadmin', false],
    [prefix, 'https://tools.example.com/mcp/..%5cadmin', false],
    [prefix, 'https://tools.example.com/mcp/..;/admin', false],
    [prefix, 'https://tools.example.com/mcp//admin', false],
    [prefix, 'https://tools.example.com/%6dcp/one', false],
    [prefix, 'https://tools.example.com/mcp%2fone', false],
    [prefix, 'https://tools.example.com/mcp/a%00b', false],
    // query and fragment
    [prefix, 'https://tools.example.com/mcp/one?x=1', false],
    [prefix, 'https://tools.example.com/mcp/one?', false],
    [prefix, 'https://tools.example.com/mcp/one#x', false],
    [prefix, 'https://tools.example.com?/mcp/one', false],
    [prefix, 'https://tools.example.com#/mcp/one', false],
    // a label
    ['https://*.tools.example.com/mcp', 'https://a.tools.example.com/mcp', true],
    ['https://*.tools.example.com/mcp', 'https://a-1.tools.example.com/mcp', true],
    ['https://*.tools.example.com/mcp', 'https://tools.example.com/mcp', false],
    ['https://*.tools.example.com/mcp', 'https://a.b.tools.example.com/mcp', false],
    ['https://*.tools.example.com/mcp', 'https://atools.example.com/mcp', false],
    ['https://*.tools.example.com/mcp', 'https://.tools.example.com/mcp', false],
    ['https://*.tools.example.com/mcp', 'https://*.tools.example.com/mcp', false],
    ['https://*.tools.example.com/mcp', 'https://evil.example/a.tools.example.com/mcp', false],
    ['https://*.tools.example.com/mcp', 'https://evil@a.tools.example.com/mcp', false],
    ['https://*.tools.example.com:8443/*', 'https://a.tools.example.com:8443/mcp', true],
    ['https://*.tools.example.com:8443/*', 'https://a.tools.example.com/mcp', false],
    // no URL, or an address in disguise
    [prefix, 'tools.example.com/mcp/one', false],
    [prefix, '', false],
    ['http://127.0.0.1:9/*', 'http://127.0.0.1:9/mcp', true],
    ['http://127.0.0.1:9/*', 'http://2130706433:9/mcp', false],
    ['http://127.0.0.1:9/*', 'http://127.1:9/mcp', false]
  ]
  for (const [pattern, audience, isCovered] of rows) {
    t.doesNotThrow(() => checkPattern(pattern))
    t.equal(covers(pattern, audience), isCovered, `${pattern} and ${JSON.stringify(audience)}`)
  }
})

await t.test('a pattern that would cover more than it seems to is refused, naming the field', async (t) => {
  const refused: [pattern: string, words: RegExp][] = [
    ['', /absolute URL/],
    ['*', /absolute URL/],
    ['tools.example.com/*', /absolute URL/],
    ['https://*/mcp', /two labels/],
    ['https://*.com/mcp', /two labels/],
    ['https://*.com:8443/mcp', /two labels/],
    ['https://a.*.example.com/mcp', /two labels/],
    ['https://a*.example.com/mcp', /two labels/],
    ['https://*a.example.com/mcp', /two labels/],
    ['https://**.example.com/mcp', /two labels/],
    ['https://*.*.example.com/mcp', /two labels/],
    ['https://tools.example.com:*/mcp', /two labels/],
    ['https://*.tools.example.com@evil.example/*', /two labels/],
    ['https://tools.example.com/mcp*', /last segment/],
    ['https://tools.example.com/*/mcp', /last segment/],
    ['https://tools.example.com/mcp/**', /last segment/],
    ['https://tools.example.com/mcp/*?x', /last segment/],
    ['https://tools.example.com*', /two labels/],
    ['https://user@tools.example.com/*', /normalised/],
    ['https://Tools.example.com/*', /normalised/],
    ['https://tools.example.com:443/*', /normalised/],
    ['https://tools.example.com/a/../*', /normalised/],
    ['https://tools.example.com/mcp?x=1', /normalised/],
    ['https://tools.example.com/mcp#', /normalised/],
    ['https://*.0.0.1/mcp', /normalised/],
    ['http://tools.example.com/*', /https/],
    ['http://*.tools.example.com/*', /https/],
    ['ftp://tools.example.com/*', /https/],
    ['javascript://tools.example.com/*', /https/]
  ]
  for (const [pattern, words] of refused) {
    t.throws(() => checkPattern(pattern), { code: 'invalid_request', message: words }, JSON.stringify(pattern))
    t.notOk(covers(pattern, pattern), 'and covers nothing, should it be stored all the same')
  }
})
