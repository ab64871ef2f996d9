import { ReportedError } from '@onbehalf/errors'
import type { McpRequest } from '@onbehalf/mcp'
import { eventually } from '@onbehalf/testkit'
import type { AnswerCall } from '@onbehalf/testkit/mcp-servers'
import t from 'tap'
import { askOnceMore } from '../../src/calls/once-more.ts'
import { startStage } from '../stage.ts'

const stage = await startStage(t)
const { backends, call, broker, devices, issuer, providers, recording } = stage

t.afterEach(() => {
  issuer.behave({})
  recording.answer(() => ({ content: [] }))
})

type Ears = Pick<McpRequest, 'onEvent' | 'onRequest'>
const forwarding = (tenant_id: string, more: object = {}) =>
  providers.register({ tenant_id, server_url: recording.url, mode: 'idp_token', ...more })
const asStream: AnswerCall = (_, raw) => {
  raw.writeHead(200, { 'content-type': 'text/event-stream' })
  return undefined
}

// What a call is given that is answered at once all the same.
const quick = { is: 'quick' }

/** The server holds its answers to so many calls until it is let go on. */
const holdCalls = (count: number) => {
  const here = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  let arrived = 0
  recording.answer(({ id, arguments: given }, raw) => {
    if (JSON.stringify(given) === JSON.stringify(quick)) return { content: [] }
    arrived += 1
    if (arrived === count) here.resolve()
    const answer = JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } })
    goOn.promise.then(() => raw.writeHead(200, { 'content-type': 'application/json' }).end(answer))
    return undefined
  })
  return { here: here.promise, goOn: goOn.resolve }
}

const faults: Record<string, { answer: AnswerCall; status: number; code: string; timeout_ms?: number }> = {
  'no answer': { answer: () => undefined, status: 504, code: 'upstream_timeout', timeout_ms: 500 },
  'a connection that breaks before the answer': {
    answer: (_, raw) => {
      raw.socket?.resetAndDestroy()
      return undefined
    },
    status: 502,
    code: 'upstream_unavailable'
  },
  'a connection that breaks within it': {
    answer: (call, raw) => {
      asStream(call, raw)
      raw.write('data: {"jsonrpc":"2.0"', () => raw.socket?.resetAndDestroy())
      return undefined
    },
    status: 502,
    code: 'upstream_unavailable'
  },
  'a frame that is none': {
    answer: (call, raw) => {
      asStream(call, raw)
      raw.write('data: {"jsonrpc":"2.0",\n\n')
      return undefined
    },
    status: 502,
    code: 'upstream_error'
  },
  '500': {
    answer: (_, raw) => {
      raw.writeHead(500).end('oops')
      return undefined
    },
    status: 502,
    code: 'upstream_unavailable'
  },
  'a line of 10 MB': {
    answer: (call, raw) => {
      asStream(call, raw)
      raw.write(`data: "${'x'.repeat(10 * 1024 * 1024)}`)
      return undefined
    },
    status: 502,
    code: 'upstream_error'
  },
  'progress without end': {
    answer: (call, raw) => {
      asStream(call, raw)
      const beat = setInterval(() => raw.write('data: {"jsonrpc":"2.0","method":"notifications/progress"}\n\n'), 5)
      raw.once('close', () => clearInterval(beat))
      return undefined
    },
    status: 504,
    code: 'upstream_timeout',
    timeout_ms: 500
  },
  'nothing but 401': {
    answer: (_, raw) => {
      raw.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
      return undefined
    },
    status: 502,
    code: 'upstream_rejected_identity'
  }
}

t.test('whatever a server does to its calls, their callers are told, and it is called again', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id)
  for (const [name, { answer, status, code, ...more }] of Object.entries(faults)) {
    recording.answer(() => ({ content: [] }))
    const fine = await call(user.headers, { server_identifier, tool: 'x' })
    t.match(fine, { status: 200 }, `before ${name}`)
    const before = recording.calls().length
    recording.answer(answer)
    const told = await Promise.all(
      Array.from({ length: 5 }, () => call(user.headers, { server_identifier, tool: 'x', ...more }))
    )
    for (const one of told) t.match(one, { status, body: { code } }, name)
    const reached = recording.calls().slice(before)
    t.ok(reached.length <= (code === 'upstream_rejected_identity' ? 10 : 5), `${name}: nothing is tried on and on`)
    await Promise.all(reached.map(({ closed }) => closed))
  }
})

t.test('a storm of 401s asks for no more tokens than calls, and is over when the server takes them', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id)
  const asked = issuer.asked().length
  const before = recording.calls().length
  recording.answer((_, raw) => {
    raw.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
    return undefined
  })
  const storm = await Promise.all(
    Array.from({ length: 200 }, () => call(user.headers, { server_identifier, tool: 'x' }))
  )
  t.ok(storm.every(({ status, body }) => status === 502 && body.code === 'upstream_rejected_identity'))
  t.ok(recording.calls().length - before <= 400, 'each call is repeated once at most')
  t.ok(issuer.asked().length - asked <= 201)
  recording.answer(() => ({ content: [] }))
  t.equal((await call(user.headers, { server_identifier, tool: 'x' })).status, 200)
})

t.test('what was lost is made once more, where the tool says that this does no harm', async (t) => {
  const user = await broker.signIn()
  const safe = { name: 'safe', annotations: { idempotentHint: true } }
  const { server_identifier } = forwarding(user.tenant_id, { tools: [safe, { name: 'plain' }] })
  let failures = 0
  const breakSo = (count: number, how: AnswerCall = () => undefined): void => {
    failures = count
    recording.answer((one, raw) => {
      if (failures === 0) return { content: [] }
      failures -= 1
      how(one, raw)
      raw.socket?.resetAndDestroy()
      return undefined
    })
  }
  const make = async (tool: string) => {
    const before = recording.calls().length
    const { status } = await call(user.headers, { server_identifier, tool })
    return { status, made: recording.calls().length - before }
  }
  breakSo(1)
  t.match(await make('safe'), { status: 200, made: 2 })
  breakSo(1)
  t.match(await make('plain'), { status: 502, made: 1 })
  breakSo(2)
  t.match(await make('safe'), { status: 502, made: 2 }, 'once and no more')
  recording.answer((_, raw) => {
    raw.writeHead(503).end()
    return undefined
  })
  t.match(await make('safe'), { status: 502, made: 1 }, 'what was answered was not lost')
  const progress = 'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}\n\n'
  const heard = Promise.withResolvers<void>()
  recording.answer((one, raw) => {
    asStream(one, raw)
    raw.write(progress)
    heard.promise.then(() => raw.socket?.resetAndDestroy())
    return undefined
  })
  const before = recording.calls().length
  const streamed = await fetch(`${await stage.app.listen({ host: '127.0.0.1', port: 0 })}/v1/tools/call`, {
    method: 'POST',
    headers: { ...user.headers, accept: 'text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify({ server_identifier, tool: 'safe' })
  })
  let told = ''
  const decoder = new TextDecoder()
  for await (const piece of streamed.body ?? []) {
    told += decoder.decode(piece)
    if (told.includes('event: progress')) heard.resolve()
  }
  t.match(told, /event: error/)
  t.equal(recording.calls().length - before, 1, 'nor what had begun to be told')
  const saysSo: ((ears: Ears) => unknown)[] = [
    ({ onEvent }) => onEvent?.({ method: 'notifications/message', params: {} }),
    ({ onRequest }) => onRequest?.({ method: 'roots/list', params: {} })
  ]
  for (const say of saysSo) {
    let asked = 0
    const ask = async (ears: Ears) => {
      asked += 1
      say(ears)
      throw new ReportedError('upstream_unavailable', 'It broke.')
    }
    const { signal } = new AbortController()
    await t.rejects(askOnceMore(ask, { onRequest: async () => ({ result: {} }) }, signal), { message: 'It broke.' })
    t.equal(asked, 1, 'nor where it said something that its caller does not hear, or asked')
  }
  issuer.behave({ reusable: false })
  broker.change({ kind: 'user', id: user.user_id })
  await stage.settle()
  breakSo(1)
  t.match(await make('safe'), { status: 502, made: 1 }, 'nor with a token that is good for one call')
})

for (const [name, neighbour] of Object.entries({ 'identity-broker': issuer, 'mcp-provider': providers }))
  t.test(`${name} goes away under 200 calls: they end well, warm ones go on, cold ones wait for it`, async (t) => {
    const user = devices.makeToken()
    const cold = devices.makeToken({ tenant_id: user.tenant_id })
    const { server_identifier } = forwarding(user.tenant_id)
    const other = forwarding(user.tenant_id)
    const make = (who = user, server = server_identifier, more: object = {}) =>
      call(who.headers, { server_identifier: server, tool: 'x', ...more })
    t.equal((await make()).status, 200)
    // A cold call of either kind: to a server that nobody has called yet, as somebody without a token.
    const makeCold = () => make(cold, other.server_identifier)
    const { here, goOn } = holdCalls(200)
    const made = Array.from({ length: 200 }, () => make())
    await here
    await neighbour.leave()
    t.equal((await make(user, server_identifier, { arguments: quick })).status, 200)
    goOn()
    const statuses = (await Promise.all(made)).map(({ status }) => status)
    t.same(new Set(statuses), new Set([200]))
    recording.answer(() => ({ content: [] }))
    const before = recording.requests().length
    t.match(await makeCold(), { status: 503, headers: { 'retry-after': /\d/ }, body: { code: 'unavailable' } })
    t.equal(recording.requests().length, before)
    await neighbour.comeBack()
    t.equal((await makeCold()).status, 200, 'and nothing has to be started again')
  })

t.test('a revoked grant stops the calls of every replica, also those under way', async (t) => {
  const replicas = [stage, await stage.open(), await stage.open()]
  const user = devices.makeToken()
  const { server_identifier } = forwarding(user.tenant_id)
  const ask = ({ app }: { app: typeof stage.app }) =>
    app.inject({
      method: 'POST',
      url: '/v1/tools/call',
      headers: user.headers,
      payload: { server_identifier, tool: 'x' }
    })
  for (const replica of replicas) t.equal((await ask(replica)).statusCode, 200)
  const { here } = holdCalls(replicas.length)
  const slow = replicas.map(ask)
  await here
  const under = recording.calls().slice(-replicas.length)
  issuer.behave({ refuse: () => new ReportedError('identity_refresh_rejected', 'Please sign in again.') })
  const revokedAt = performance.now()
  broker.change({ kind: 'grant', id: issuer.grantOf(user.user_id) })
  const told = await Promise.all(slow)
  await Promise.all(under.map(({ closed }) => closed))
  t.comment(`calls under way at three replicas ended ${(performance.now() - revokedAt).toFixed(0)} ms after the grant`)
  t.same(
    told.map(({ statusCode }) => statusCode),
    [428, 428, 428]
  )
  const before = recording.requests().length
  for (const replica of replicas) t.equal((await ask(replica)).statusCode, 428)
  t.equal(recording.requests().length, before)
  await Promise.all(replicas.slice(1).map(({ app }) => app.close()))
})

t.test('NATS is killed and comes back under 200 calls: nothing has to be started again', async (t) => {
  const user = devices.makeToken()
  const { server_identifier } = forwarding(user.tenant_id)
  const make = (who = user) => call(who.headers, { server_identifier, tool: 'x' })
  t.equal((await make()).status, 200)
  const { here, goOn } = holdCalls(200)
  const made = Array.from({ length: 200 }, () => make())
  await here
  process.kill(backends.nats.pid(), 'SIGKILL')
  await backends.nats.restart()
  goOn()
  const statuses = (await Promise.all(made)).map(({ status }) => status)
  t.same(new Set(statuses), new Set([200]))
  recording.answer(() => ({ content: [] }))
  const cold = devices.makeToken({ tenant_id: user.tenant_id })
  const told = await eventually(
    () => make(cold),
    ({ status }) => status === 200
  )
  t.equal(told.status, 200)
  t.equal((await make()).status, 200)
  // What is said on the bus is heard again as well: a revocation acts.
  await eventually(
    async () => {
      devices.revoke(cold.token_id)
      return (await make(cold)).status
    },
    (status) => status === 401
  )
  t.equal((await make(cold)).status, 401)
})
