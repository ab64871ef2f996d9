import { hashOf } from '@onbehalf/service-kit'
import t from 'tap'
import { publicUrl, refusalOf, startService } from '../start.ts'
import { startPlayed } from './played.ts'
import { openSteps } from './steps.ts'

const [honest, other] = [await startPlayed(t), await startPlayed(t)]
const service = await startService(t, { allow: [honest.address, other.address] })
const { app, as, broker } = service
const steps = await openSteps(t, service, honest.url)
const { register, authorizeBy, comeBack, freshFor, credentialsOf, sql } = steps

const admin = await broker.signIn({ role: 'admin' })
const ann = await broker.signIn({ tenant_id: admin.tenant_id })
const callbackOf = (issuer: string) => `${publicUrl}/oauth/callback/${hashOf(issuer).slice(0, 22)}`
const consoleCallback = `${publicUrl}/console/api/mcp/oauth/callback`
const own = { client_id: 'ours', client_secret: 'a secret of the callback tests' }

/** What an authorization server sends a browser back with; the played ones ask nobody. */
const answerTo = (authorizeUrl: string, at?: string, more: Record<string, string> = {}) => {
  const asked = new URL(authorizeUrl).searchParams
  const to = new URL(at ?? asked.get('redirect_uri') ?? '')
  for (const [name, value] of Object.entries({ code: 'a code', state: asked.get('state') ?? '', ...more }))
    to.searchParams.set(name, value)
  return to
}

t.test('each authorization server has a redirect URI of its own, and answers at no other', async (t) => {
  const { id, identifier } = await register(admin)
  const begun = await authorizeBy(admin, id)
  t.equal(begun.body.redirect_uri, callbackOf(honest.origin))
  t.same(honest.registrations.at(-1)?.fields.redirect_uris, [callbackOf(honest.origin)])
  t.not(callbackOf(other.origin), callbackOf(honest.origin))
  for (const place of [callbackOf(other.origin), `${publicUrl}/oauth/callback`, consoleCallback]) {
    const again = await authorizeBy(admin, id)
    const came = await comeBack(answerTo(again.body.authorize_url, place), again.cookies)
    t.match(came, { status: 400, text: /did not come from/ }, place)
    const named = await authorizeBy(admin, id)
    const withIss = answerTo(named.body.authorize_url, place, { iss: honest.origin })
    t.match(await comeBack(withIss, named.cookies), { status: 400, text: /did not come from/ }, `${place} with iss`)
  }
  const foreign = await authorizeBy(admin, id)
  const mixed = answerTo(foreign.body.authorize_url, undefined, { iss: other.origin })
  t.match(await comeBack(mixed, foreign.cookies), { status: 400, text: /did not come from/ })
  t.same(honest.tokens, [], 'no code was shown to anybody')
  t.match(await comeBack(answerTo(begun.body.authorize_url), begun.cookies), { status: 200 }, 'and it says no iss')
  t.ok(await freshFor(ann, identifier))
})

t.test('what was registered for all servers goes on, and begins nothing new', async (t) => {
  const { id, identifier } = await register(admin)
  const begun = await authorizeBy(admin, id)
  const before = new URL(begun.body.authorize_url).searchParams.get('client_id')
  await comeBack(answerTo(begun.body.authorize_url), begun.cookies)
  await sql.query('update mcp_provider.oauth_client set redirect_uri = null')
  await steps.dueNow(id)
  const first = await freshFor(ann, identifier)
  t.match(honest.tokens.at(-1)?.fields, { grant_type: 'refresh_token' })
  const next = await authorizeBy(admin, id)
  const client = new URL(next.body.authorize_url).searchParams.get('client_id')
  t.not(client, before)
  await steps.dueNow(id)
  t.not((await freshFor(ann, identifier))?.token, first?.token, 'the earlier one is still ours')
})

t.test("the reference's redirect URI is for servers that say who answers", async (t) => {
  const auth = { method: 'POST', url: '/console/api/workspaces/current/tool-provider/mcp/auth' } as const
  const begin = async (id: string) => {
    const answer = await app.inject({ ...auth, headers: admin.headers, payload: { provider_id: id } })
    const cookies = answer.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    return { status: answer.statusCode, cookies, body: answer.json() }
  }
  const { id } = await register(admin, { authentication: own })
  const refused = await begin(id)
  t.equal(refused.status, 502)
  t.match(refused.body.message, callbackOf(honest.origin), 'the one to register instead is named')
  honest.metadata = { authorization_response_iss_parameter_supported: true }
  const nameless = await begin(id)
  const { authorization_url: url } = nameless.body
  t.equal(new URL(url).searchParams.get('redirect_uri'), consoleCallback)
  t.match(await comeBack(answerTo(url), nameless.cookies), { status: 400, text: /did not come from/ })
  const broken = await begin(id)
  honest.metadata = {}
  await authorizeBy(admin, id)
  const unsaid = await comeBack(answerTo(broken.body.authorization_url), broken.cookies)
  t.match(unsaid, { status: 400, text: /did not come from/ }, 'also one that has stopped to promise it')
  honest.metadata = { authorization_response_iss_parameter_supported: true }
  const begun = await begin(id)
  const came = answerTo(begun.body.authorization_url, undefined, { iss: honest.origin })
  t.match(await comeBack(came, begun.cookies), { status: 200, text: /is connected/ })
  t.match(honest.tokens.at(-1)?.fields, { redirect_uri: consoleCallback, code: 'a code' })
  honest.metadata = {}
})

t.test('of two answers at once exactly one wins', async (t) => {
  const { id } = await register(admin)
  const before = honest.tokens.length
  const begun = await authorizeBy(admin, id)
  const to = answerTo(begun.body.authorize_url)
  const both = await Promise.all([1, 2, 3, 4].map(() => comeBack(to, begun.cookies)))
  t.same(both.map(({ status }) => status).sort(), [200, 400, 400, 400])
  t.equal(honest.tokens.length, before + 1, 'the code was shown once')
  t.equal((await credentialsOf(id)).length, 1)
})

t.test('who is no administrator any more brings nothing for the tenant', async (t) => {
  const { id, identifier } = await register(admin)
  const was = await broker.signIn({ tenant_id: admin.tenant_id, role: 'admin' })
  const end = async (role: 'member' | undefined) => {
    broker.changeRole(was.user_id, 'admin')
    const begun = await authorizeBy(was, id)
    t.equal(begun.status, 200)
    broker.changeRole(was.user_id, role)
    return comeBack(answerTo(begun.body.authorize_url), begun.cookies)
  }
  const before = honest.tokens.length
  t.match(await end('member'), { status: 400, text: /owner or admin/ })
  t.match(await end(undefined), { status: 400, text: /owner or admin/ })
  t.equal(honest.tokens.length, before, 'nor was the code shown to anybody')
  t.equal(await freshFor(ann, identifier), null)
})

t.test('what comes once the provider was changed is stored nowhere', async (t) => {
  const change = { url: `${other.url}`, user: { auth_scope: 'user' }, name: { name: 'Another name' } }
  const changes: [string, object, number][] = [
    ['its server', { server_url: change.url }, 400],
    ['what tokens are for', { resource: `${honest.origin}/` }, 400],
    ['whose they are', change.user, 400]
  ]
  for (const [name, given, status] of changes) {
    const { id, at } = await register(admin)
    const begun = await authorizeBy(admin, id)
    const [arrived, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    honest.token = { gate: released.promise, onAsked: arrived.resolve }
    const coming = comeBack(answerTo(begun.body.authorize_url), begun.cookies)
    await arrived.promise
    const changed = await as(admin)('PATCH', at, given)
    t.equal(changed.status, 200, changed.text)
    released.resolve()
    t.match(await coming, { status, text: /changed meanwhile/ }, name)
    honest.token = {}
    t.same(await credentialsOf(id), [], name)
    const { rows } = await sql.query('select authorization_issuer from mcp_provider.provider where id = $1', [id])
    t.same(rows, [{ authorization_issuer: null }], `${name}: nor is it known where`)
  }
})

t.test('nor what comes to a client of its own then', async (t) => {
  honest.metadata = { grant_types_supported: ['client_credentials'] }
  const { id, at } = await register(admin, { authentication: own })
  const [arrived, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  honest.token = { gate: released.promise, onAsked: arrived.resolve }
  const coming = as(admin)('POST', `${at}/authorize`, {})
  await arrived.promise
  t.equal((await as(admin)('PATCH', at, { auth_scope: 'user' })).status, 200)
  released.resolve()
  t.match(await coming, { status: 409, body: { code: 'conflict' } })
  t.same(await credentialsOf(id), [])
  honest.token = {}
  honest.metadata = {}
})

t.test("what was given for everybody is nobody's once each user has their own", async (t) => {
  const { id, identifier, at } = await register(admin)
  const begun = await authorizeBy(admin, id)
  await comeBack(answerTo(begun.body.authorize_url), begun.cookies)
  t.ok(await freshFor(ann, identifier))
  t.equal((await as(admin)('PATCH', at, { auth_scope: 'user' })).status, 200)
  t.same(await credentialsOf(id), [])
  t.match(await refusalOf(freshFor(ann, identifier)), {
    code: 'upstream_authorization_required',
    message: /You have/
  })
  const byAnn = await authorizeBy(ann, id)
  await comeBack(answerTo(byAnn.body.authorize_url), byAnn.cookies)
  t.ok(await freshFor(ann, identifier))
  t.match(await refusalOf(freshFor(admin, identifier)), { code: 'upstream_authorization_required' })
  t.equal((await as(admin)('PATCH', at, { auth_scope: 'tenant' })).status, 200)
  t.same(await credentialsOf(id), [], "and a user's own is not everybody's")
})

t.test('one address opens so many pages in a minute, and reads so many documents', async (t) => {
  const from = async (url: string, remoteAddress: string) => {
    const { statusCode, headers } = await app.inject({ url, remoteAddress })
    return {
      status: statusCode,
      wait: Number(headers['retry-after']),
      type: String(headers['content-type']).split(';')[0]
    }
  }
  const limits: [string, number, number, string][] = [
    ['/oauth/callback/x?state=x', 400, 120, 'text/html'],
    ['/oauth/client.json', 200, 600, 'application/json']
  ]
  let networks = 0
  /** Asks from so many addresses of a network, all within the minute: a machine that is too slow for that tries again. */
  const askMany = async (url: string, max: number): Promise<{ network: string; answers: Set<number> }> => {
    networks += 1
    const network = `2001:db8:1:${networks}`
    const [answers, began] = [new Set<number>(), performance.now()]
    for (let asked = 0; asked < max; asked += 40) {
      const together = Array.from({ length: 40 }, (_, more) => from(url, `${network}::${asked + more}`))
      for (const { status } of await Promise.all(together)) answers.add(status)
    }
    return performance.now() - began < 50_000 ? { network, answers } : askMany(url, max)
  }
  for (const [url, status, max, type] of limits) {
    const { network, answers } = await askMany(url, max)
    t.same([...answers], [status], url)
    const refused = await from(url, `${network}:ffff::1`)
    t.same([refused.status, refused.type], [429, type], 'a network is one address')
    t.ok(refused.wait > 0 && refused.wait <= 60)
    t.equal((await from(url, '2001:db8:2::1')).status, status)
  }
})
