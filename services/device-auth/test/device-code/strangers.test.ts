import { loadConfig } from '@onbehalf/service-kit'
import t from 'tap'
import { variables } from '../../src/config.ts'
import { type Answer, clientId, poll, send, signInDevice, startFlow, startService } from '../start.ts'

const { app, broker, backends, publicUrl, redis } = await startService(t)
const path = '/openapi/v1/oauth/device'
const json = { 'content-type': 'application/json' }

t.test('a body that is none of ours is a 400 that says what is wrong, and changes nothing', async (t) => {
  const who = await broker.signIn()
  const { device_code, user_code } = await startFlow(app)
  const before = (await redis.keys('device-auth:code:*')).sort()
  const headers = { ...who.headers, ...json }
  const paths = ['code', 'token', 'approve', 'deny', 'approve-external', 'deny-external']
  const bodies = [
    '{}',
    '[]',
    '{',
    'null',
    '"x"',
    '[{}]',
    `[{"user_code": "${user_code}"}]`,
    '{"user_code": 7}',
    '\u0000'
  ]
  for (const one of paths)
    for (const body of bodies) {
      const answer = await send(app, 'POST', `${path}/${one}`, { headers, body })
      t.match([answer.status, answer.body.error], [400, 'invalid_request'], `${one} ${body}`)
      t.match(answer.body.error_description, /\S/)
      t.notMatch(JSON.stringify(answer.body), user_code, 'what was sent is not sent back')
    }
  for (const missing of ['', '?user_code=', `?user_code=${'A'.repeat(65)}`])
    t.match(await send(app, 'GET', `${path}/lookup${missing}`), { status: 400, body: { error: 'invalid_request' } })
  const nothing = await send(app, 'POST', `${path}/approve`, { headers: who.headers })
  t.match([nothing.status, nothing.body.error], [400, 'invalid_request'])
  t.same((await redis.keys('device-auth:code:*')).sort(), before)
  t.match(await poll(app, device_code), { body: { error: 'authorization_pending' } })
})

t.test('of what anybody may send at most 16 KiB are read', async (t) => {
  const paths = ['code', 'token', 'approve-external', 'deny-external'].map((one) => `${path}/${one}`)
  for (const one of [...paths, '/device/continue', '/device/sso/decide', '/device/revoke']) {
    const sent = (bytes: number) => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      return send(app, 'POST', one, { headers, body: `a=${'x'.repeat(bytes - 2)}` })
    }
    t.notMatch(await sent(16 * 1024), { status: 413 }, one)
    t.match(await sent(16 * 1024 + 1), { status: 413 }, one)
  }
  const large = { headers: json, body: JSON.stringify({ client_id: 'x'.repeat(16 * 1024) }) }
  t.match(await send(app, 'POST', `${path}/token`, large), {
    ...{ status: 413, body: { error: 'payload_too_large', error_description: /\S/ } }
  })
})

t.test('a client nobody knows is refused before anything is written', async (t) => {
  const before = (await redis.keys('device-auth:*code:*')).sort()
  const asked = { body: { client_id: 'stranger', device_label: 'laptop' } }
  t.match(await send(app, 'POST', `${path}/code`, asked), { status: 400, body: { error: 'unsupported_client' } })
  t.same((await redis.keys('device-auth:*code:*')).sort(), before)
})

t.test('who decides is who is signed in, whatever the body says of it', async (t) => {
  const [who, other] = [await broker.signIn(), await broker.signIn({ role: 'owner' })]
  const { device_code, user_code } = await startFlow(app)
  const forged = {
    ...{ user_code, status: 'denied', account_id: other.user_id, user_id: other.user_id, tenant_id: other.tenant_id },
    ...{
      workspace_id: other.tenant_id,
      subject_email: 'x@y.z',
      subject_issuer: 'https://evil.example',
      scopes: ['full']
    }
  }
  t.match(await send(app, 'POST', `${path}/approve`, { headers: who.headers, body: forged }), {
    status: 200,
    body: { status: 'approved' }
  })
  const { body } = await poll(app, device_code, { account_id: other.user_id, scope: 'x', subject_type: 'external_sso' })
  t.match(body, {
    ...{ subject_type: 'account', scope: 'full', account: { id: who.user_id } },
    default_workspace_id: who.tenant_id
  })
})

const forgedHosts: Record<string, string>[] = [
  { host: 'evil.example' },
  { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
  { forwarded: 'host=evil.example;proto=https', 'x-original-host': 'evil.example' },
  { host: 'evil.example:443', 'x-forwarded-port': '443', 'x-forwarded-server': 'evil.example' }
]
const saysEvil = ({ headers, body }: Answer): boolean => /evil\.example/.test(JSON.stringify([headers, body]))

t.test('no header of a request says where we are', async (t) => {
  for (const headers of forgedHosts) {
    const begun = await send(app, 'POST', `${path}/code`, { headers, body: { client_id: clientId } })
    t.match(begun, { status: 200, body: { verification_uri: `${publicUrl}/device` } })
    t.equal(new URL(begun.body.verification_uri_complete).origin, publicUrl)
    const { user_code } = begun.body
    const away = await send(app, 'GET', `${path}/sso-initiate?user_code=${user_code}&tenant=acme`, { headers })
    t.equal(away.status, 303)
    t.equal(broker.deviceSso.states().at(-1)?.return_url, `${publicUrl}${path}/sso-complete`)
    const back = await send(app, 'GET', `${path}/sso-complete?sso_error=sso_failed`, { headers })
    t.equal(back.headers.location, `${publicUrl}/device?sso_error=sso_failed`)
    const page = await send(app, 'GET', `/device?user_code=${user_code}`, { headers })
    t.match(page, { status: 303, headers: { location: '/device' } })
    const cookie = `onbehalf_device_code=${user_code}`
    const choose = await send(app, 'GET', '/device', { headers: { ...headers, cookie } })
    for (const answer of [begun, away, back, page, choose]) t.notOk(saysEvil(answer))
  }
  const { PUBLIC_URL: _left, ...others } = {
    ...backends.environmentFor('device-auth'),
    MASTER_KEYS: 'x',
    PUBLIC_URL: ''
  }
  t.throws(() => loadConfig(variables, others), /PUBLIC_URL/, 'and without being told we do not start')
})

t.test('a page of another origin is let in by nobody', async (t) => {
  const who = await broker.signIn()
  const { body: held } = await signInDevice(app, who)
  const { user_code } = await startFlow(app)
  const origin = 'https://evil.example'
  const bearer = { origin, authorization: `Bearer ${held.token}` }
  const preflight = {
    ...{ origin, 'access-control-request-method': 'POST' },
    'access-control-request-headers': 'authorization,content-type,x-csrf-token'
  }
  const answers = [
    await send(app, 'GET', '/openapi/v1/account', { headers: bearer }),
    await send(app, 'GET', `${path}/lookup?user_code=${user_code}`, { headers: { origin, cookie: who.cookie } }),
    await send(app, 'POST', `${path}/code`, { headers: { origin }, body: { client_id: clientId } }),
    await send(app, 'OPTIONS', `${path}/approve`, { headers: preflight }),
    await send(app, 'OPTIONS', '/openapi/v1/account', { headers: preflight }),
    await send(app, 'OPTIONS', `${path}/code`, { headers: { ...preflight, origin: publicUrl } })
  ]
  for (const { headers } of answers)
    t.same(
      Object.keys(headers).filter((name) => name.startsWith('access-control-')),
      [],
      'no browser hands the answer to another origin'
    )
  for (const { status } of answers.slice(3)) t.equal(status, 404)
  const approve = { headers: { ...who.headers, origin }, body: { user_code } }
  t.match(await send(app, 'POST', `${path}/approve`, approve), { status: 403, body: { error: 'csrf_rejected' } })
  const ours = { headers: { ...who.headers, origin: publicUrl }, body: { user_code } }
  t.match(await send(app, 'POST', `${path}/approve`, ours), { status: 200 }, 'our own page may')
})
