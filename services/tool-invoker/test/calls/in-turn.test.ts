import { ReportedError } from '@onbehalf/errors'
import t from 'tap'
import { startStage } from '../stage.ts'

const stage = await startStage(t)
const { call, broker, devices, providers, issuer, recording, whoami } = stage

const audienceOf = (authorization = ''): unknown =>
  JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString()).aud

/** Who calls two tools of one server, one of another, and one that forwards nothing; in turn. */
const start = async () => {
  const user = devices.makeToken()
  const { tenant_id } = user
  const forwarding = providers.register({ tenant_id, server_url: recording.url, mode: 'idp_token' })
  const other = providers.register({ tenant_id, server_url: whoami.url, mode: 'idp_token' })
  const headers = { authorization: 'Bearer of-the-tenant' }
  const plain = providers.register({ tenant_id, server_url: recording.url, mode: 'off', headers })
  providers.listAs(forwarding.provider_id, [
    { name: 'x', input_schema: { type: 'object', required: ['a'] }, hash: 'x' },
    { name: 'y', input_schema: { type: 'object', required: ['b'] }, hash: 'y' }
  ])
  await stage.settle()
  const ask = async ({ server_identifier }: { server_identifier: string }, tool: string, given = {}) => {
    const { status, body } = await call(user.headers, { server_identifier, tool, arguments: given })
    return { status, code: body.code, result: body.result, sent: recording.calls().at(-1)?.headers }
  }
  const asked = () => [issuer.asked().length, providers.asked(), providers.toolsAsked()]
  return { user, forwarding, other, plain, ask, asked }
}

t.test(
  'tools that are called in turn are each checked, and called as what is theirs; and nobody is asked again',
  async (t) => {
    const { forwarding, other, plain, ask, asked } = await start()
    const each = async () => {
      const x = await ask(forwarding, 'x', { a: 1 })
      t.match([x.status, audienceOf(x.sent?.authorization)], [200, recording.url])
      t.match(await ask(other, 'whoami'), { status: 200, result: { structuredContent: { audience: whoami.url } } })
      t.match(await ask(forwarding, 'y', { a: 1 }), { status: 422 }, 'it is the other one that takes this')
      t.match(await ask(forwarding, 'y', { b: 1 }), { status: 200 })
      t.match(await ask(plain, 'x'), { status: 200, sent: { authorization: 'Bearer of-the-tenant' } })
      t.match(await ask(forwarding, 'z', { a: 1 }), { status: 404 })
    }
    await each()
    const before = asked()
    await each()
    await each()
    t.same(asked(), before)
  }
)

t.test('after a change of one of them that one is asked for anew, and the others are not', async (t) => {
  const { user, forwarding, other, plain, ask, asked } = await start()
  const all = [() => ask(forwarding, 'x', { a: 1 }), () => ask(other, 'whoami'), () => ask(plain, 'x')]
  const each = async () => {
    for (const one of all) t.equal((await one()).status, 200)
  }
  await each()
  providers.update(forwarding.provider_id, { headers: { 'x-region': 'eu' } })
  await stage.settle()
  const before = asked()
  t.match(await ask(forwarding, 'x', { a: 1 }), { status: 200, sent: { 'x-region': 'eu' } })
  await each()
  t.same(
    asked(),
    before.map((times) => times + 1)
  )

  issuer.behave({ refuse: () => new ReportedError('identity_refresh_rejected', 'Please sign in again.') })
  broker.change({ kind: 'grant', id: issuer.grantOf(user.user_id) })
  await stage.settle()
  const statuses = []
  for (const one of all) statuses.push((await one()).status)
  t.same(statuses, [428, 428, 200])
  issuer.behave({})
})

t.test('what a change takes away is used no more, by a tool as it was nor by a server where it was', async (t) => {
  const { user, forwarding, other, plain, ask } = await start()
  const payload = { jsonrpc: '2.0', id: 1, method: 'prompts/get', params: { name: 'x' } }
  const headers = { ...user.headers, host: '127.0.0.1', accept: 'application/json' }
  const getPrompt = () => stage.app.inject({ method: 'POST', url: `/mcp/${plain.server_identifier}`, headers, payload })
  for (let turn = 0; turn < 2; turn += 1) {
    t.match(await ask(forwarding, 'x', { a: 1 }), { status: 200 })
    t.match(await ask(other, 'whoami'), { status: 200 })
    t.equal((await getPrompt()).statusCode, 200)
  }

  providers.listAs(forwarding.provider_id, [
    { name: 'x', input_schema: { type: 'object', required: ['c'] }, hash: 'another x' }
  ])
  await stage.settle()
  t.match(await ask(forwarding, 'x', { a: 1 }), { status: 422 })

  const seen = () => recording.requests().length
  const before = seen()
  await getPrompt()
  t.equal(seen(), before + 1)
  providers.update(plain.provider_id, { server_url: whoami.url })
  await stage.settle()
  await getPrompt()
  t.equal(seen(), before + 1)
})
