import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { eventually } from '@onbehalf/testkit'
import t from 'tap'
import { startStage } from '../stage.ts'

const megabyte = 1024 * 1024
const stage = await startStage(t)
const { broker, devices, providers, recording } = stage
const { app } = await stage.open({ HELD_ANSWERS_MEGABYTES: '9' })
t.teardown(() => app.close())
const origin = await app.listen({ host: '127.0.0.1', port: 0 })

const user = await broker.signIn()
const device = devices.makeToken({ tenant_id: user.tenant_id, user_id: user.user_id })
const { server_identifier } = providers.register({ ...user, server_url: recording.url, mode: 'idp_token' })

/** Not known to be a plain result before it is too late to pass it on. */
const lateResult = (bytes: number) => ({ _meta: { x: 'x'.repeat(bytes) }, content: [] })
const plainResult = (bytes: number) => ({ content: [{ type: 'text', text: 'x'.repeat(bytes) }] })

let goOn = Promise.withResolvers<void>()
t.beforeEach(() => {
  goOn = Promise.withResolvers()
  recording.answer(({ id, tool, arguments: given }, raw) => {
    const { bytes, isPlain, isEvent, waits } = Object(given)
    const result = isPlain ? plainResult(bytes) : lateResult(bytes)
    const message = JSON.stringify({ result, jsonrpc: '2.0', id })
    const text = isEvent ? `data: ${message}\n\n` : message
    raw.writeHead(200, { 'content-type': isEvent ? 'text/event-stream' : 'application/json' })
    raw.write(text.slice(0, -1))
    void (waits ? goOn.promise : Promise.resolve(tool)).then(() => raw.end(text.slice(-1)))
    return undefined
  })
})

type Said = { bytes: number; isPlain?: boolean; isEvent?: boolean; waits?: boolean }
const call = (said: Said, more: Record<string, string> = {}) =>
  fetch(`${origin}/v1/tools/call`, {
    method: 'POST',
    headers: { ...user.headers, ...more, 'content-type': 'application/json' },
    body: JSON.stringify({ server_identifier, tool: 'x', arguments: said })
  })
const statusOf = async (said: Said, more?: Record<string, string>) => {
  const answer = await call(said, more)
  await answer.arrayBuffer()
  return answer.status
}
/** So many calls whose answers wait, once the server has said what it says before. */
const waitingCalls = async (count: number, said: Said) => {
  const before = recording.calls().length
  const waiting = Array.from({ length: count }, () => call({ ...said, waits: true }))
  await eventually(
    () => recording.calls().length,
    (now) => now === before + count
  )
  return waiting
}
/** Once the answers that wait are held, as far as the server said them. */
const untilBusy = (said: Said) =>
  eventually(
    () => statusOf(said),
    (status) => status === 502
  )

t.test(
  'where large answers take all that may be held, a further one is told to come back, and others are answered',
  async (t) => {
    for (const isEvent of [false, true]) {
      goOn = Promise.withResolvers()
      const large = { bytes: 3 * megabyte, isEvent }
      const waiting = await waitingCalls(2, large)
      await untilBusy(large)
      const refused = await call(large)
      t.equal(refused.status, 502)
      t.equal(refused.headers.get('retry-after'), null, 'it was made: to try again would make it twice')
      t.match(await refused.json(), { code: 'upstream_error', message: /too large for what is held/ })

      const key = { 'idempotency-key': `large-${isEvent}` }
      t.equal((await call(large, key)).status, 502)
      t.match(await (await call(large, key)).json(), { code: 'outcome_unknown' }, 'it was made')

      const params = { name: 'x', arguments: large }
      const atEndpoint = await fetch(`${origin}/mcp/${server_identifier}`, {
        method: 'POST',
        headers: { ...device.headers, 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
      })
      const error = { code: 'upstream_error' }
      t.match(await atEndpoint.json(), { result: { isError: true, _meta: { 'onbehalf/error': error } } })

      t.equal(await statusOf({ bytes: 50_000, isEvent }), 200, 'small ones are not counted')
      t.equal(await statusOf({ ...large, isPlain: true }), 200, 'what goes on as it comes is not held')
      goOn.resolve()
      for (const answer of await Promise.all(waiting)) {
        t.equal(answer.status, 200)
        t.ok((await answer.arrayBuffer()).byteLength > large.bytes)
      }
      t.equal(
        await eventually(
          () => statusOf(large),
          (status) => status === 200
        ),
        200,
        'there is room again'
      )
    }
    const headers = user.headers
    const rows: { outcome: string }[] = (await app.inject({ url: '/v1/calls?limit=200', headers })).json().data
    t.ok(rows.some(({ outcome }) => outcome === 'upstream_error'))
    t.ok(rows.every(({ outcome }) => ['ok', 'upstream_error', 'outcome_unknown'].includes(outcome)))
  }
)

t.test('one tenant does not take what others may hold', async (t) => {
  const large = { bytes: 2 * megabyte }
  const other = await broker.signIn()
  providers.register({ ...other, server_identifier, server_url: recording.url, mode: 'idp_token' })
  const waiting = await waitingCalls(3, large)
  await untilBusy(large)
  t.equal(await statusOf(large, other.headers), 200)
  t.equal(await statusOf(large), 502)
  goOn.resolve()
  for (const answer of await Promise.all(waiting)) t.ok((await answer.arrayBuffer()).byteLength > large.bytes)
})

t.test('what waits for a caller who does not read is held until they leave', async (t) => {
  const large = { bytes: 6 * megabyte }
  const slow = request(`${origin}/v1/tools/call`, {
    method: 'POST',
    headers: { ...user.headers, 'content-type': 'application/json' }
  })
  slow.on('error', () => {})
  slow.end(JSON.stringify({ server_identifier, tool: 'x', arguments: large }))
  const [answer] = await once(slow, 'response')
  t.equal(answer.statusCode, 200)
  t.equal(await statusOf(large), 502)
  slow.destroy()
  t.equal(
    await eventually(
      () => statusOf(large),
      (status) => status === 200
    ),
    200
  )
})

t.test('what waits behind another answer on a connection is held until that is closed', async (t) => {
  const large = { bytes: 6 * megabyte }
  const path = 'POST /v1/tools/call HTTP/1.1'
  const requestOf = (said: Said) => {
    const body = JSON.stringify({ server_identifier, tool: 'piped', arguments: said })
    const headers = { host: 'x', ...user.headers, 'content-type': 'application/json', 'content-length': body.length }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    return `${[path, ...lines].join('\r\n')}\r\n\r\n${body}`
  }
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  socket.write(requestOf({ bytes: 1, waits: true }) + requestOf(large))
  // Its answer is there, and has to wait for the one before it.
  const list = async (): Promise<{ tool: string }[]> =>
    (await app.inject({ url: '/v1/calls', headers: user.headers })).json().data
  await eventually(list, (rows) => rows.some(({ tool }) => tool === 'piped'))
  t.equal(await statusOf(large), 502)
  socket.destroy()
  t.equal(
    await eventually(
      () => statusOf(large),
      (status) => status === 200
    ),
    200
  )
})
