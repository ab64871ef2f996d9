import t from 'tap'
import { createClient, type Sent, UnexpectedAnswer } from '../src/index.ts'

const json = 'application/json; charset=utf-8'
const answering = (answer: { status: number; type?: string; text: string }) => {
  const sent: Sent[] = []
  const client = createClient(async (one) => {
    sent.push(one)
    return { type: json, ...answer }
  })
  return { sent, client }
}

t.test('what an operation takes goes where it is described: into the path, the query and the body', async (t) => {
  const { sent, client } = answering({ status: 200, text: '{}' })
  await client.ask('PATCH /v1/mcp-providers/{id}', { path: { id: '../grants?x=#' }, body: { name: 'Another name' } })
  await client.ask('GET /v1/calls', { query: { limit: 2, cursor: 'a b&c' } })
  await client.ask('GET /v1/grants', { query: {} })
  t.same(sent, [
    { method: 'PATCH', path: '/v1/mcp-providers/..%2Fgrants%3Fx%3D%23', json: { name: 'Another name' } },
    { method: 'GET', path: '/v1/calls?limit=2&cursor=a+b%26c' },
    { method: 'GET', path: '/v1/grants' }
  ])
})

t.test('a described refusal is an answer, with its code', async (t) => {
  const { client } = answering({ status: 400, text: '{"error":"slow_down","error_description":"Ask less often."}' })
  const body = { client_id: 'onbehalf', device_code: 'none' }
  const answer = await client.ask('POST /openapi/v1/oauth/device/token', { body })
  t.equal(answer.status === 400 && answer.body.error, 'slow_down')
})

t.test('an answer without a body has none', async (t) => {
  const { client } = answering({ status: 204, text: '' })
  const answer = await client.ask('DELETE /v1/device-webhook', {})
  t.same([answer.status, answer.body], [204, undefined])
})

t.test('what no description has is said to be so', async (t) => {
  const asked = (answer: Parameters<typeof answering>[0]) => answering(answer).client.ask('GET /v1/grants', {})
  await t.rejects(asked({ status: 418, text: '{}' }), UnexpectedAnswer)
  await t.rejects(asked({ status: 200, text: '{"data": [' }), UnexpectedAnswer)
  await t.rejects(asked({ status: 200, type: 'text/html', text: '<h1>It works!</h1>' }), UnexpectedAnswer)
})
