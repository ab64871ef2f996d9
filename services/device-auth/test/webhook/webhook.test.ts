import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { eventually, listen, recordSecrets, stopServer } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { send, signInDevice, startService } from '../start.ts'

type Heard = { headers: IncomingHttpHeaders; body: string; url: string | undefined }
/** What is asked here waits for its answer. */
const slow: ServerResponse[] = []
const heard: Heard[] = []
const answers: number[] = []
const receiver = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8').on('data', (chunk: string) => {
    body += chunk
  })
  request.on('end', () => {
    heard.push({ headers: request.headers, body, url: request.url })
    if (request.url === '/slow') slow.push(response)
    else response.writeHead(answers.shift() ?? 204).end()
  })
})
const port = await listen(receiver)
t.teardown(() => stopServer(receiver))

const environment = { EGRESS_ALLOW: `127.0.0.1:${port}` }
const { app, broker, backends, startReplica } = await startService(t, environment)
const admin = new Client({ connectionString: backends.adminDatabaseUrl })
await admin.connect()
t.teardown(() => admin.end())

const hookUrl = `http://127.0.0.1:${port}/hooks/secret-part`
const put = (who: { headers: Record<string, string> }, url: string) =>
  app.inject({ method: 'PUT', url: '/v1/device-webhook', headers: who.headers, payload: { url } })
const hookOf = (who: { headers: Record<string, string> }) =>
  send(app, 'GET', '/v1/device-webhook', { headers: who.headers })
const setUp = async () => {
  const owner = await broker.signIn({ role: 'owner' })
  const { secret } = (await put(owner, hookUrl)).json()
  recordSecrets([secret])
  return { owner, secret, member: await broker.signIn({ tenant_id: owner.tenant_id }) }
}
const messageAbout = async (token_id: string): Promise<Heard> => {
  const find = () => heard.find(({ body }) => body.includes(token_id))
  const found = await eventually(find, (message) => message !== undefined, 60)
  if (found) return found
  throw new Error('nothing was heard')
}
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const account = (token: string) =>
  send(app, 'GET', '/openapi/v1/account', { headers: { authorization: `Bearer ${token}` } })

t.test('a new sign-in is told to whom the tenant named, signed, and to nobody else', async (t) => {
  const { secret, member } = await setUp()
  const stranger = await broker.signIn()
  const { body: theirs } = await signInDevice(app, stranger)
  const { body } = await signInDevice(app, member, { device_label: 'new laptop' })
  const { headers, body: said } = await messageAbout(body.token_id)
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${said}`
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  t.equal(headers['webhook-signature'], `v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
  t.ok(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1000) < 60)
  t.match(JSON.parse(said), {
    type: 'device.signed_in',
    data: {
      ...{ tenant_id: member.tenant_id, user_id: member.user_id, token_id: body.token_id, subject_type: 'account' },
      ...{ client_id: 'onbehalf', device_label: 'new laptop', ip: '127.0.0.1', expires_at: body.expires_at }
    }
  })
  t.notOk(said.includes(body.token))
  t.notOk(heard.some((message) => message.body.includes(theirs.token_id)))
})

t.test('whose receiver is slow keeps nobody else waiting', async (t) => {
  const [theirs, others] = [await setUp(), await setUp()]
  await put(theirs.owner, new URL('/slow', hookUrl).href)
  const toldOf = async ({ member }: typeof theirs): Promise<string> => {
    const { token_id } = (await signInDevice(app, member)).body
    await messageAbout(token_id)
    return token_id
  }
  const quickId = await toldOf(others)
  const slowId = await toldOf(theirs)
  const again = (token_id: string, count: number) =>
    `select gen_random_uuid(), tenant_id, facts, now() - interval '${count} hours'
    from device_auth.webhook_delivery, generate_series(1, ${count}) where facts ->> 'token_id' = '${token_id}'`
  await admin.query(`insert into device_auth.webhook_delivery (id, tenant_id, facts, due_at)
    ${again(slowId, 12)} union all ${again(quickId, 1)}`)
  heard.length = 0
  for (const response of slow.splice(0)) response.writeHead(204).end()
  await messageAbout(quickId)
  const before = heard.filter(({ url }) => url === '/slow').length
  t.ok(before <= 3, `${before} of theirs were sent before`)
  await admin.query("update device_auth.webhook_delivery set ended_at = now() where facts ->> 'token_id' = $1", [
    slowId
  ])
  for (const response of slow.splice(0)) response.writeHead(204).end()
})

t.test('its link asks, ends that sign-in when told to, and nothing else', async (t) => {
  const { member, owner } = await setUp()
  const linkOf = async (token_id: string) => {
    const { data } = JSON.parse((await messageAbout(token_id)).body)
    return new URL(data.revoke_url)
  }
  const { body: first } = await signInDevice(app, member, { device_label: 'replaced <b>' })
  const earlier = await linkOf(first.token_id)
  heard.length = 0
  const { body: second } = await signInDevice(app, member, { device_label: 'replaced <b>' })
  t.equal(second.token_id, first.token_id)
  const link = await linkOf(second.token_id)
  const open = (url: URL) => send(app, 'GET', `${url.pathname}${url.search}`)
  const press = (url: URL) => {
    const body = new URLSearchParams({ link: url.searchParams.get('link') ?? '' }).toString()
    return send(app, 'POST', '/device/revoke', { headers: form, body })
  }
  t.match((await open(earlier)).body, /signed out/, 'an earlier sign-in is over')
  await press(earlier)
  t.equal((await account(second.token)).status, 200, 'and its link does not end the later one')
  const asked = await open(link)
  t.match(asked, {
    status: 200,
    body: /replaced &lt;b&gt;/,
    headers: { 'x-frame-options': 'DENY' }
  })
  const chinese = { headers: { 'accept-language': 'zh-CN,zh;q=0.9' } }
  t.match(await send(app, 'GET', `${link.pathname}${link.search}`, chinese), {
    body: /lang="zh-Hans"[\s\S]*要让此设备退出登录吗/,
    headers: { 'content-language': 'zh-Hans', vary: /accept-language/ }
  })
  t.match(asked.headers, { 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' })
  t.equal((await account(second.token)).status, 200, 'looking at it ends nothing')
  const forged = new URL(link)
  const signed = link.searchParams.get('link') ?? ''
  forged.searchParams.set('link', `${signed.slice(0, -2)}${signed.endsWith('AA') ? 'BA' : 'AA'}`)
  for (const url of [forged, new URL('/device/revoke?link=x', link)]) {
    t.match(await open(url), { status: 404, body: /does nothing/ })
    t.match(await press(url), { status: 404 })
  }
  t.equal((await account(second.token)).status, 200)
  t.match(await press(link), { status: 200, body: /signed out/ })
  t.equal((await account(second.token)).status, 401)
  t.match(await press(link), { status: 200 }, 'again it changes nothing')
  const { body } = await send(app, 'GET', `/v1/audit/devices?subject_id=${second.token_id}`, { headers: owner.headers })
  t.match(body.data[0], { action: 'oauth.token_revoked', actor: { kind: 'system' }, details: { via: 'revoke_link' } })
})

t.test('what was not taken is tried again, also by another replica, and given up in the end', async (t) => {
  const { member, owner } = await setUp()
  answers.push(500)
  const { body } = await signInDevice(app, member)
  const first = await messageAbout(body.token_id)
  t.match(
    await eventually(
      () => hookOf(owner),
      (hook) => hook.body.last_error !== null
    ),
    {
      body: { last_error: 'It answered 500.', last_delivered_at: null }
    }
  )
  heard.length = 0
  const due = (set: string) =>
    admin.query(`update device_auth.webhook_delivery set ${set} where facts ->> 'token_id' = $1`, [body.token_id])
  await due('due_at = now()')
  await startReplica({ environment })
  const second = await messageAbout(body.token_id)
  t.equal(second.body, first.body)
  t.equal(second.headers['webhook-id'], first.headers['webhook-id'], 'so that a receiver knows it')
  t.ok(
    await eventually(
      () => hookOf(owner),
      (hook) => hook.body.last_delivered_at !== null
    )
  )
  const rowOf = async () =>
    (
      await admin.query("select ended_at from device_auth.webhook_delivery where facts ->> 'token_id' = $1", [
        body.token_id
      ])
    ).rows[0]
  t.match(await eventually(rowOf, ({ ended_at }) => ended_at !== null), { ended_at: Date })

  heard.length = 0
  answers.push(500)
  await due('due_at = now(), ended_at = null, attempts = 6')
  await startReplica({ environment })
  await messageAbout(body.token_id)
  t.match(await eventually(rowOf, ({ ended_at }) => ended_at !== null), { ended_at: Date }, 'after the seventh')
})

t.test('administrators set it, read it without its secrets, and take it away', async (t) => {
  const { owner, member, secret } = await setUp()
  const stranger = await broker.signIn({ role: 'owner' })
  t.equal((await hookOf(member)).status, 403)
  t.equal((await hookOf(stranger)).status, 404)
  const { body } = await hookOf(owner)
  t.match(body, { url: `http://127.0.0.1:${port}/hooks/***`, last_delivered_at: null })
  t.equal(body.secret, undefined)
  for (const url of ['http://127.0.0.1:1/', 'http://10.0.0.7/', 'http://93.184.216.34/', 'ftp://x', 'x'])
    t.ok([400, 403].includes((await put(owner, url)).statusCode), url)
  const { rows } = await admin.query('select url, secret from device_auth.device_webhook where tenant_id = $1', [
    owner.tenant_id
  ])
  t.notOk(rows[0].url.includes('secret-part') || rows[0].secret.includes(secret), 'sealed at rest')
  t.not((await put(owner, hookUrl)).json().secret, secret, 'setting it again is a new secret')
  const remove = () => send(app, 'DELETE', '/v1/device-webhook', { headers: owner.headers })
  t.match([(await remove()).status, (await remove()).status], [204, 404])
  const { body: token } = await signInDevice(app, member)
  const { rows: left } = await admin.query(
    "select 1 from device_auth.webhook_delivery where facts ->> 'token_id' = $1",
    [token.token_id]
  )
  t.strictSame(left, [])
  const events = await send(app, 'GET', '/v1/audit/devices?limit=200', { headers: owner.headers })
  const actions = events.body.data.map(({ action }: { action: string }) => action)
  t.ok(actions.includes('device_webhook.set') && actions.includes('device_webhook.removed'))
  t.notOk(JSON.stringify(events.body).includes('secret-part'))
})
