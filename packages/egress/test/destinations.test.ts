import t from 'tap'
import { checkUrl, createEgress, wasSent } from '../src/index.ts'
import { failureOf, get, open, serve } from './servers.ts'

const codeOf = (text: string): string => {
  try {
    return checkUrl(text).href
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'other'
  }
}

t.test('a listed address is called; another port of it and its neighbour are not', async (t) => {
  const listed = await serve(t, (_, response) => response.end('hello'))
  const neighbour = await serve(t, (_, response) => response.end('secret'), { host: '127.0.0.3', port: listed.port })
  const otherPort = await serve(t, (_, response) => response.end('secret'))
  const egress = open(t, { allow: `127.0.0.2:${listed.port}` })
  t.equal(await (await egress.request(listed.origin, get)).text(), 'hello')
  for (const refused of [neighbour, otherPort]) {
    const error = await failureOf(egress.request(refused.origin, get))
    t.equal(error.code, 'policy_denied')
    t.match(error.message, /EGRESS_ALLOW/)
    t.equal(wasSent(error), 'no')
    t.equal(refused.connections, 0)
  }
})

t.test('a range of addresses can be listed, in IPv4 and IPv6', async (t) => {
  const server = await serve(t, (_, response) => response.end('hello'))
  const egress = open(t, { allow: ` 127.0.0.0/30:${server.port}, [::1]:${server.port},[fd00::]/8:443,[fe80::/10]:80` })
  t.equal((await egress.request(server.origin, get)).status, 200)
  for (const url of ['https://[fdab::1]', 'http://[fe80::1]', `http://[::1]:${server.port}`])
    await egress.checkReachable(url)
  for (const url of ['http://[fdab::1]', 'https://[fe80::1]', `http://127.0.0.4:${server.port}`])
    t.equal((await failureOf(egress.checkReachable(url))).code, 'policy_denied', url)
})

t.test('a list that cannot be read is refused by its name and the entry', (t) => {
  for (const entry of [
    '127.0.0.1',
    '127.0.0.1:0',
    '10.0.0.0/33:443',
    'localhost:80',
    '127.1:80',
    '::1:80',
    '1.2.3.4:70000',
    '0x7f.0.0.1:80',
    '[::1]/129:80'
  ])
    t.throws(
      () => createEgress({ allow: `127.0.0.1:80,${entry}` }),
      { message: `EGRESS_ALLOW: "${entry}" is not an address` },
      entry
    )
  t.throws(() => createEgress({ allow: '', deny: 'redis:6379' }), /own servers: "redis:6379"/)
  t.end()
})

t.test('no range but the public Internet is called unlisted', async (t) => {
  const egress = open(t, { allow: '' })
  const refused = `0.0.0.0 0.1.2.3 10.1.2.3 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255
    192.0.0.192 192.0.2.1 192.168.1.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 168.63.129.16
    [::] [::1] [fe80::1] [fec0::1] [fc00::1] [fd00:ec2::254] [fd20:ce::254] [ff02::1] [100::1] [2001:db8::1] [3fff::1] [5f00::1]
    [::ffff:127.0.0.1] [::ffff:8.8.8.8] [::7f00:1] [::8.8.8.8] [::ffff:0:127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::808:808] [64:ff9b:1::1]
    [2002:7f00:1::1] [2002:808:808::1] [2001::1] [2001:0:53aa:64c::1] [2001:10::1] [2001:20::1] [4000::1]`
  for (const host of refused.split(/\s+/)) {
    const error = await failureOf(egress.checkReachable(`https://${host}/`))
    t.equal(error.code, 'policy_denied', host)
  }
  for (const host of ['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '[2606:4700:4700::1111]', '[2a00:1450::1]'])
    await t.resolves(egress.checkReachable(`https://${host}/`), host)
})

t.test('our own servers are not called, though listed or public, nor in IPv4-mapped form', async (t) => {
  const server = await serve(t, (_, response) => response.end())
  const lists = {
    allow: `127.0.0.0/8:${server.port},[::ffff:127.0.0.2]:${server.port}`,
    deny: `127.0.0.2:${server.port},8.8.8.8:443`
  }
  const egress = open(t, lists)
  for (const url of [server.origin, `http://[::ffff:127.0.0.2]:${server.port}`, 'https://8.8.8.8']) {
    t.equal((await failureOf(egress.request(url, { ...get, timeoutMs: 2_000 }))).code, 'policy_denied', url)
  }
  t.equal(server.connections, 0)
  await t.resolves(egress.checkReachable(`http://127.0.0.5:${server.port}`))
})

t.test('an IPv4 address in any disguise is refused, also where the plain one is listed', async (t) => {
  const server = await serve(t, (_, response) => response.end())
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  for (const host of [
    '2130706434',
    '0x7f000002',
    '0x7f.0.0.2',
    '0177.0.0.2',
    '127.2',
    '127.0.0.02',
    '127.0.0.2.',
    '%3127.0.0.2',
    '127。0。0。2',
    '①27.0.0.2'
  ])
    t.equal((await failureOf(egress.request(`http://${host}:${server.port}/`, get))).code, 'invalid_request', host)
  t.equal((await failureOf(egress.request(`http://[::ffff:127.0.0.2]:${server.port}/`, get))).code, 'policy_denied')
  t.equal(server.connections, 0)
})

t.test('a URL that is not plain http or https is refused when it is written', (t) => {
  const bad = [
    '',
    'mcp.example',
    '/path',
    'ftp://mcp.example',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'http:/mcp.example',
    'http:mcp.example',
    'http://',
    'http:///x',
    'http://user@mcp.example',
    'http://user:pw@mcp.example',
    'http://@mcp.example',
    'http://mcp.example:99999',
    'http://a b',
    ' http://mcp.example',
    'http://mcp.example\n',
    'ht\ttp://mcp.example',
    'http://mcp.example\\@evil.example',
    'http://[::1',
    `http://${'a.'.repeat(127)}a/`,
    `http://mcp.example/${'x'.repeat(8_192)}`
  ]
  for (const text of bad) t.equal(codeOf(text), 'invalid_request', JSON.stringify(text).slice(0, 60))
  t.equal(codeOf('HTTPS://MCP.example:443/a?b=c#d'), 'https://mcp.example/a?b=c')
  t.equal(codeOf('http://[2606:4700::1]:8080/'), 'http://[2606:4700::1]:8080/')
  t.equal(codeOf('https://8.8.8.8:8443/x@y'), 'https://8.8.8.8:8443/x@y')
  t.end()
})

t.test('a name that changes its address between look-ups leads nowhere else', async (t) => {
  const outside = await serve(t, (_, response) => response.setHeader('connection', 'close').end('outside'))
  const inside = await serve(t, (_, response) => response.end('inside'), { host: '127.0.0.3', port: outside.port })
  const answers = [['127.0.0.2'], ['127.0.0.3'], ['127.0.0.2']]
  let lookups = 0
  const lookup = async () => answers[lookups++] ?? ['127.0.0.3']
  const egress = open(t, { allow: `127.0.0.2:${outside.port}`, lookup })
  const url = `http://rebind.example:${outside.port}/`
  t.equal(await (await egress.request(url, get)).text(), 'outside')
  t.equal(lookups, 1, 'one look-up for check and connection together')
  const error = await failureOf(egress.request(url, get))
  t.equal(error.code, 'policy_denied')
  t.match(error.message, 'rebind.example')
  t.notMatch(JSON.stringify(error.message), '127.0.0.3', 'the caller does not learn the inner address')
  t.match(String(error.cause), '127.0.0.3', 'the log does')
  t.equal(await (await egress.request(url, get)).text(), 'outside')
  t.equal(inside.connections, 0)
})

t.test('one inner address among the answers refuses them all, and no answer is no address', async (t) => {
  const server = await serve(t, (_, response) => response.end())
  const lookup = async (hostname: string) => (hostname.startsWith('none') ? [] : ['127.0.0.2', '127.0.0.3'])
  const egress = open(t, { allow: `127.0.0.2:${server.port}`, lookup })
  t.equal((await failureOf(egress.request(`http://two.example:${server.port}/`, get))).code, 'policy_denied')
  t.equal(server.connections, 0)
  t.equal((await failureOf(egress.request(`http://none.example:${server.port}/`, get))).code, 'upstream_unavailable')
  const odd = open(t, { allow: '', lookup: async () => ['not an address'] })
  t.equal((await failureOf(odd.request('http://odd.example/', get))).code, 'policy_denied')
})

t.test('a name with a dead address is reached at its next one', async (t) => {
  const server = await serve(t, (_, response) => response.end('here'))
  const egress = open(t, { allow: `127.0.0.0/8:${server.port}`, lookup: async () => ['127.0.0.9', '127.0.0.2'] })
  t.equal(await (await egress.request(`http://two.example:${server.port}/`, get)).text(), 'here')
})
