import {
  at,
  type Caller,
  callerNamed,
  callTool,
  inBrowser,
  signInAs,
  story,
  textAt,
  type World,
  withToken
} from '@onbehalf/acceptance'
import {
  createBrowser,
  eventually,
  freePort,
  people,
  recordSecrets,
  signIn,
  startRecording,
  startWhoami
} from '@onbehalf/testkit'
import t from 'tap'
import { startTestPlatform } from './platform.ts'

const laterPort = await freePort()
const slow = await startRecording()
t.teardown(slow.stop)
const platform = await startTestPlatform(t, 'main-job', { allowedPorts: [laterPort, slow.port] })
const world: World = { platform, callers: new Map(), ids: new Map() }

for (const [index, { title, run }] of story.entries())
  await t.test(`${index + 1}. ${title}`, async (t) => {
    await t.resolves(run(world))
  })

/** Whether it comes to hold before what is kept would have run out by itself. How fast is for the benchmarks. */
const comesToHold = async (holds: () => Promise<boolean>): Promise<boolean> => {
  const end = Date.now() + 18_000
  while (Date.now() < end) if (await holds()) return true
  return false
}

const register = async (owner: Caller, name: string, server_url: string) => {
  const given = { name, server_identifier: name, server_url, icon: '🔧', icon_type: 'emoji', icon_background: '#fff' }
  const forwarding = { forward_user_identity: true, identity_mode: 'idp_token' }
  return owner.send('POST', '/v1/mcp-providers', { ...given, ...forwarding })
}

await t.test('a server registered after the sign-in is refused until the user passes /connect once more', async (t) => {
  // The first user's grant was revoked by the story; they sign in again before the new server exists.
  const user = await signInAs(platform, people.user.login)
  t.equal((await callTool(user, 'whoami', 'whoami')).status, 200, 'a new sign-in gives calls back')

  const owner = callerNamed(world, 'owner')
  await owner.send('DELETE', `/v1/mcp-providers/${world.ids.get('whoami')}`)
  const { status } = await register(owner, 'whoami-renamed', platform.whoami.url)
  t.equal(status, 201)
  t.equal((await callTool(user, 'whoami-renamed', 'whoami')).status, 200, 'the audience is the same, so is the grant')

  const later = await startWhoami({ issuer: platform.idp.issuer, port: laterPort })
  t.teardown(later.stop)
  const refreshesBefore = platform.idp.log().refreshes_by_user[people.user.sub]
  const registered = await register(owner, 'later', later.url)
  t.equal(registered.status, 201)
  const refused = await callTool(user, 'later', 'whoami')
  t.match([refused.status, refused.body.code], [428, 'resource_not_granted'])
  t.equal(
    platform.idp.log().refreshes_by_user[people.user.sub],
    refreshesBefore,
    'the IdP was not asked: asking would have burnt the refresh token'
  )
  t.same(later.log(), [], 'and the server was not called')

  const connectUrl = textAt(refused.body, 'connect_url')
  const page = await user.browser.visit(connectUrl)
  t.match(page.body, /later/, 'the page names the server')
  const link = /href="(\/auth\/sign-in[^"]+)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&')
  const done = await signIn(user.browser, `${platform.publicUrl}${link}`, { login: people.user.login })
  t.match(done.url, /\/connect\?.*outcome=signed_in/)
  const again = await inBrowser(platform, user.browser)
  const { status: after, body } = await callTool(again, 'later', 'whoami')
  t.equal(after, 200, 'the new sign-in covers the later server')
  const told = { subject: people.user.sub, audience: later.url }
  t.match(at(body, 'result', 'structuredContent'), told, 'who is told who called, and of itself alone')
  t.equal((await callTool(again, 'whoami-renamed', 'whoami')).status, 200, 'and still the first one')
})

await t.test('a call under way ends with the grant that its user revokes', async (t) => {
  const { status } = await register(callerNamed(world, 'owner'), 'slow', slow.url)
  t.equal(status, 201)
  const user = await signInAs(platform, people.user.login)
  slow.answer(() => undefined)
  const arrived = slow.nextCall()
  const told = callTool(user, 'slow', 'wait')
  const { closed } = await arrived
  const { body } = await user.send('GET', '/v1/grants')
  const grants = [at(body, 'data')].flat().map((grant) => textAt(grant, 'id'))
  for (const id of grants) t.equal((await user.send('DELETE', `/v1/grants/${id}`)).status, 200)
  await closed
  t.match(await told, { status: 428, body: { code: 'identity_refresh_rejected', connect_url: /\/connect/ } })
})

await t.test('who people are and which servers there are is killed under 200 calls: warm ones go on', async (t) => {
  const killed = ['identity-broker', 'mcp-provider'] as const
  const user = await signInAs(platform, people.user.login)
  slow.answer(() => ({ content: [] }))
  const wait = (given = {}) => callTool(user, 'slow', 'wait', { arguments: given })
  t.equal((await wait()).status, 200)
  const here = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  let arrived = 0
  slow.answer(({ id, arguments: given }, raw) => {
    if (JSON.stringify(given) !== '{}') return { content: [] }
    arrived += 1
    if (arrived === 200) here.resolve()
    const answer = JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } })
    goOn.promise.then(() => raw.writeHead(200, { 'content-type': 'application/json' }).end(answer))
    return undefined
  })
  const made = Array.from({ length: 200 }, () => wait())
  await here.promise
  await Promise.all(killed.map(platform.kill))
  t.equal((await wait({ is: 'quick' })).status, 200, 'what is held is good for a while')
  goOn.resolve()
  t.same(new Set((await Promise.all(made)).map(({ status }) => status)), new Set([200]))

  const unknown = withToken(platform, `obk_${'x'.repeat(43)}`)
  const cold = async () => [await callTool(user, 'nowhere', 'x'), await callTool(unknown, 'slow', 'wait')]
  for (const one of await cold()) t.match(one, { status: 503, body: { code: 'unavailable' } })
  await Promise.all(killed.map(platform.revive))
  const statusesOf = async () => JSON.stringify((await cold()).map(({ status }) => status))
  t.equal(await eventually(statusesOf, (all) => all === '[404,401]', 60), '[404,401]', 'nothing else was started again')
  const again = await signInAs(platform, people.user.login)
  t.equal((await callTool(again, 'slow', 'wait', { arguments: { is: 'quick' } })).status, 200)
})

await t.test('a device token stops working everywhere once its owner ends it', async (t) => {
  const terminal = callerNamed(world, 'terminal')
  t.equal((await terminal.send('GET', '/openapi/v1/account')).status, 200)
  t.equal((await terminal.send('DELETE', '/openapi/v1/account/sessions/self')).status, 200)
  const refused = async () => (await callTool(terminal, 'whoami-renamed', 'whoami')).body.code === 'invalid_bearer'
  t.ok(await comesToHold(refused))
})

await t.test('signing out ends the session at every service', async (t) => {
  const user = await signInAs(platform, people.user.login)
  t.equal((await user.send('GET', '/v1/mcp-providers')).status, 200)
  const [cookie = ''] = (user.browser.cookies.header(new URL(platform.publicUrl)) ?? '').split('; ')
  t.equal((await user.send('POST', '/auth/sign-out')).status, 204)
  const stolen = createBrowser()
  const again = () => stolen.visit(`${platform.publicUrl}/v1/mcp-providers`, { headers: { cookie } })
  const isRefused = async () => (await again()).status === 401
  t.ok(await comesToHold(isRefused), 'a copy of the cookie is worth nothing')
  recordSecrets([cookie.slice(cookie.indexOf('=') + 1)])
})

await t.test('the gateway leads to nothing inner', async (t) => {
  for (const path of ['/inner/api/mcp/issue-token', '/healthz', '/readyz', '/metrics', '/INNER/api/mcp/issue-token'])
    t.equal((await withToken(platform, undefined).send('GET', path)).status, 404, path)
})
