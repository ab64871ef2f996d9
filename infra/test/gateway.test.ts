import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { serviceNames } from '@onbehalf/contracts'
import { freePort, inRepository, listen, readTestRun, startCaddy, stopServer } from '@onbehalf/testkit'
import t from 'tap'
import { publicPrefixesOf } from '../../scripts/generate/service-manifest.ts'

type Echo = { service: string; path: string; headers: Record<string, string | undefined> }

/** A service that says who it is and what it was sent. */
const startEcho = async (service: string): Promise<string> => {
  const port = await freePort()
  const server = createServer(({ url: path, headers }, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ service, path, headers }))
  })
  await listen(server, port)
  t.teardown(() => stopServer(server))
  return `127.0.0.1:${port}`
}

const upstreams = await Promise.all(
  serviceNames.map(async (service) => {
    const name = `${service.toUpperCase().replaceAll('-', '_')}_UPSTREAM`
    return [name, await startEcho(service)] as const
  })
)
const directory = join(readTestRun().directory, `gateway-${process.pid}`)

/** A gateway's own address. */
const startGateway = async (environment: Record<string, string> = {}): Promise<string> => {
  const port = await freePort()
  const address = `http://127.0.0.1:${port}`
  const caddy = await startCaddy({
    configFile: inRepository('infra/gateway/Caddyfile'),
    environment: {
      ...Object.fromEntries(upstreams),
      GATEWAY_ADDRESS: address,
      GATEWAY_FILES: inRepository('infra/gateway/public'),
      ...environment
    },
    port,
    dataDirectory: join(directory, `caddy-${port}`),
    logFile: join(directory, `caddy-${port}.log`)
  })
  t.teardown(() => caddy.stop())
  return address
}
const gateway = await startGateway()

const ask = async (path: string, headers: Record<string, string> = {}, at = gateway): Promise<Echo> => {
  const response = await fetch(at + path, { headers })
  t.equal(response.status, 200, path)
  const echo: Echo = JSON.parse(await response.text())
  return echo
}

t.test(
  'each public prefix reaches its service, with all that is below it and not what only begins like it',
  async (t) => {
    for (const service of serviceNames) {
      for (const prefix of publicPrefixesOf(service)) {
        t.match(await ask(prefix), { service, path: prefix })
        t.match(await ask(`${prefix}/below?page=2`), { service, path: `${prefix}/below?page=2` })
        const { status } = await fetch(`${gateway}${prefix}-beside`)
        t.equal(status, 404, `${prefix}-beside`)
      }
    }
  }
)

t.test('what is for inside is not found at the gateway', async (t) => {
  const inner = [
    '/inner',
    '/inner/api/mcp/issue-token',
    '/healthz',
    '/readyz',
    '/metrics',
    '/index.html',
    '/v1',
    '/openapi'
  ]
  const disguised = ['//inner/api/mcp/issue-token', '/auth/../inner/api/mcp/issue-token', '/INNER/api', '/%69nner/api']
  for (const path of [...inner, ...disguised]) {
    const response = await fetch(gateway + path)
    t.equal(response.status, 404, path)
    t.match(await response.json(), { code: 'not_found' })
  }
})

t.test('its own address has a page that only its own style touches, and the description of the API', async (t) => {
  const page = await fetch(`${gateway}/`)
  const body = await page.text()
  t.match([page.status, page.headers.get('content-type')], [200, /^text\/html/])
  const [, style = ''] = /<style>([\s\S]*)<\/style>/.exec(body) ?? []
  const hash = createHash('sha256').update(style).digest('base64')
  t.equal(
    page.headers.get('content-security-policy'),
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
  )
  t.notMatch(body, /<script/)
  for (const path of ['/openapi.json', '/auth/allowed', '/device']) t.match(body, `href="${path}"`)

  const description = await fetch(`${gateway}/openapi.json`)
  t.match([description.status, description.headers.get('content-type')], [200, /^application\/json/])
  const { openapi, paths } = JSON.parse(await description.text())
  t.equal(openapi, '3.1.0')
  for (const service of serviceNames)
    t.ok(
      Object.keys(paths).some((path) => publicPrefixesOf(service).some((prefix) => path.startsWith(prefix))),
      service
    )
  t.same(
    Object.keys(paths).filter((path) => path.startsWith('/inner')),
    []
  )
})

t.test("an installation's secret does not get past the gateway", async (t) => {
  const [prefix = ''] = publicPrefixesOf('identity-broker')
  const { headers } = await ask(prefix, { 'Enterprise-Api-Secret-Key': 'guess', 'X-Other': 'kept' })
  t.equal(headers['enterprise-api-secret-key'], undefined)
  t.equal(headers['x-other'], 'kept')
})

t.test('who the caller is, the gateway says and not the caller', async (t) => {
  const [prefix = ''] = publicPrefixesOf('device-auth')
  const { headers } = await ask(prefix, { 'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Proto': 'https' })
  t.equal(headers['x-forwarded-for'], '127.0.0.1')
  t.equal(headers['x-forwarded-proto'], 'http')
})

t.test('who the caller is, a proxy in front says where one is known, and is named behind it', async (t) => {
  const behind = await startGateway({ GATEWAY_TRUSTED_PROXIES: '127.0.0.1' })
  const [prefix = ''] = publicPrefixesOf('device-auth')
  const { headers } = await ask(prefix, { 'X-Forwarded-For': '203.0.113.9' }, behind)
  t.equal(headers['x-forwarded-for'], '203.0.113.9, 127.0.0.1')
})
