import { createServer } from 'node:http'
import { listen, stopServer } from '@onbehalf/testkit'
import t from 'tap'
import { createAuthorizations } from '../../src/oauth/describe.ts'
import { refusalOf, startService } from '../start.ts'

const wellKnown = '/.well-known/oauth-authorization-server'
/** What all authorization servers here say beside what they are, and which were asked. */
const says = { more: {} }
const asked: string[] = []
const server = createServer((request, response) => {
  const issuer = `${origin}${request.url?.slice(wellKnown.length)}`
  asked.push(issuer)
  response.end(JSON.stringify({ issuer, token_endpoint: `${issuer}/token`, ...says.more }))
})
const origin = `http://127.0.0.1:${await listen(server)}`
t.teardown(() => stopServer(server))
const { resources } = await startService(t, { allow: [origin.slice(7)] })

const issuersOf = (kind: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${origin}/${kind}-${index}`)
const words = (count: number) => Array.from({ length: count }, (_, index) => `w${index}`)
/** How many are asked again by who asked them all before. */
const askedAgain = async (issuers: string[], more: object): Promise<number> => {
  says.more = more
  const { serverOf } = createAuthorizations(resources.egress)
  for (const issuer of issuers) await serverOf(issuer)
  asked.length = 0
  for (const issuer of issuers) await serverOf(issuer)
  return asked.length
}

t.test('of what an authorization server says is held what is used', async (t) => {
  says.more = {
    scopes_supported: ['a'],
    service_documentation: 'https://x',
    x: Array.from({ length: 10_000 }, () => ({}))
  }
  const [issuer = ''] = issuersOf('used', 1)
  const found = await createAuthorizations(resources.egress).serverOf(issuer)
  t.same(found, { issuer, token_endpoint: `${issuer}/token`, scopes_supported: ['a'] })
})

t.test('one that says more than 64 KB is refused', async (t) => {
  const { serverOf } = createAuthorizations(resources.egress)
  const [large = '', small = ''] = issuersOf('size', 2)
  says.more = { x: 'x'.repeat(64 * 1024) }
  t.match(await refusalOf(serverOf(large)), { code: 'upstream_error', message: /cannot be read/ })
  says.more = { x: 'x'.repeat(60 * 1024) }
  t.match(await serverOf(small), { issuer: small })
})

t.test('many usual ones are asked once, and of those that say much few are held', async (t) => {
  const usual = { scopes_supported: words(20), grant_types_supported: words(5) }
  t.equal(await askedAgain(issuersOf('usual', 500), usual), 0)
  const many = await askedAgain(issuersOf('many', 60), { scopes_supported: words(7_000) })
  t.ok(many >= 20, `${many} of 60 were let go of`)
})

t.test('one that was asked at once by many is asked once, and again where it failed', async (t) => {
  const { serverOf } = createAuthorizations(resources.egress)
  const [issuer = ''] = issuersOf('joined', 1)
  says.more = { token_endpoint: 5 }
  asked.length = 0
  const first = [serverOf(issuer), serverOf(issuer)]
  for (const one of first) t.match(await refusalOf(one), { code: 'upstream_error' })
  t.equal(asked.length, 1)
  says.more = {}
  t.match(await serverOf(issuer), { issuer })
})
