import { ReportedError } from '@onbehalf/errors'
import { subjectOf } from '@onbehalf/testkit/players'
import t from 'tap'
import { publicUrl } from '../../stage.ts'
import { type Json, type Setting, url } from './setting.ts'

/** Who may ask, and as whom. */
export const testCallers = ({
  ask,
  askLegacy,
  broker,
  devices,
  forwarding,
  issuer,
  open,
  post,
  recording,
  whoami
}: Setting): void => {
  t.test(
    'who has no identity for a server gets the link: as a page to show, or in the words of a result',
    async (t) => {
      const user = devices.makeToken()
      const at = url(forwarding(user.tenant_id).server_identifier)
      const connect_url = `${publicUrl}/connect?provider=x`
      issuer.behave({ refuse: () => new ReportedError('no_refresh_token', 'Sign in again.', { connect_url }) })
      const before = recording.requests().length
      const params = { name: 'x' }
      const shown = await ask(at, user.headers, {
        method: 'tools/call',
        params,
        capabilities: { elicitation: { url: {} } }
      })
      t.match(shown, {
        status: 200,
        body: {
          result: {
            resultType: 'input_required',
            inputRequests: { sign_in: { method: 'elicitation/create', params: { mode: 'url', url: connect_url } } }
          }
        }
      })
      for (const capabilities of [{}, { elicitation: { form: {} } }]) {
        const { status, body } = await ask(at, user.headers, { method: 'tools/call', params, capabilities })
        t.match({ status, body }, { status: 200, body: { result: { isError: true, content: [{ type: 'text' }] } } })
        t.match(JSON.stringify(body), connect_url)
      }
      const old = await askLegacy(at, user.headers, 'tools/call', params)
      t.match(old.body, { result: { isError: true, content: [{ text: `Sign in again. ${connect_url}` }] } })
      const read = await ask(at, user.headers, { method: 'resources/read', params: { uri: 'test://x' } })
      t.match(read, { status: 200, body: { error: { data: { code: 'no_refresh_token', connect_url } } } })
      t.equal(recording.requests().length, before, 'nothing goes out without the identity')
    }
  )

  t.test('only a token opens it, and no page of another site', async (t) => {
    const user = devices.makeToken()
    const signedIn = await broker.signIn()
    const at = url(forwarding(user.tenant_id).server_identifier)
    const list = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }
    for (const headers of [{}, { authorization: 'Bearer nonsense' }, signedIn.headers]) {
      const { status, headers: answered } = await post(at, headers, list)
      t.match({ status, challenge: answered['www-authenticate'] }, { status: 401, challenge: 'Bearer' })
    }
    for (const headers of [{ origin: 'https://evil.example' }, { host: 'evil.example' }, { origin: 'null' }])
      t.match(await post(at, { ...user.headers, ...headers }, list), { status: 403, body: { error: { code: -32000 } } })
    for (const headers of [{ origin: publicUrl }, { host: 'localhost:4000' }])
      t.equal((await post(at, { ...user.headers, ...headers }, list)).status, 200)

    const own = 'https://onbehalf.example.com'
    const inPublic = await open({ PUBLIC_URL: own })
    t.teardown(() => inPublic.app.close())
    const statusWith = async (headers: Json) =>
      (await post(at, { ...user.headers, ...headers }, list, inPublic.app)).status
    for (const origin of [publicUrl, 'http://localhost', 'https://evil.example', `${own}.evil.example`, 'null'])
      t.equal(await statusWith({ origin }), 403, origin)
    for (const headers of [{ origin: own }, {}, { host: 'inner-name' }]) t.equal(await statusWith(headers), 200)
  })

  t.test("another tenant's provider is not there, whatever is asked of it", async (t) => {
    const theirs = devices.makeToken()
    const mine = devices.makeToken()
    const { server_identifier } = forwarding(theirs.tenant_id)
    const params = { name: 'x' }
    const foreign = await ask(url(server_identifier), mine.headers, { method: 'tools/call', params })
    t.match(foreign, { status: 404, body: { error: { code: -32602, data: { code: 'not_found' } } } })
    for (const method of ['resources/list', 'tools/list', 'server/discover'])
      t.equal((await ask(url(server_identifier), mine.headers, { method })).status, 404, method)
  })

  t.test('an app names the user it acts for, and none is an error that says so', async (t) => {
    const { tenant_id, user_id } = await broker.signIn()
    const key = broker.makeApiKey({ tenant_id, actsFor: [user_id] })
    const at = url(forwarding(tenant_id, whoami).server_identifier)
    const method = 'tools/call'
    const params = { name: 'whoami' }
    const headers = { 'onbehalf-user-id': user_id }
    const { body } = await ask(at, key.headers, { method, params, headers })
    t.match(body, { result: { structuredContent: { subject: subjectOf(user_id) } } })
    const nobody = await ask(at, key.headers, { method, params })
    t.match(nobody.body, { result: { isError: true, _meta: { 'onbehalf/error': { code: 'user_required' } } } })
  })

  t.test('an API key that was not made for calling is told which right it lacks', async (t) => {
    const { tenant_id } = await broker.signIn()
    const key = broker.makeApiKey({ tenant_id, scopes: ['tools:list'] })
    const { server_identifier } = forwarding(tenant_id)
    const { status, headers } = await ask(url(server_identifier), key.headers, { method: 'server/discover' })
    t.equal(status, 403)
    t.equal(headers['www-authenticate'], 'Bearer error="insufficient_scope", scope="tools:call"')
  })
}
