import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { wasSent } from '../../src/index.ts'
import { failureOf, open, readAll, serveTcp } from '../servers.ts'
import { echoed, play, post, saying } from './play.ts'

t.test('no more connections are opened than may be, and calls that wait for one have it in turn', async (t) => {
  let held: { body: string; answer: () => void }[] = []
  const port = await serveTcp(t, (socket) =>
    socket.on('data', (bytes) => {
      const [, body = ''] = bytes.toString().split('\r\n\r\n')
      held.push({ body, answer: () => socket.write(saying(body)) })
    })
  )
  const egress = open(t, { allow: `127.0.0.2:${port}`, connectionsPerOrigin: 2 })
  const ask = async (body: string) => readAll((await egress.open(`http://127.0.0.2:${port}/`, { ...post, body })).body)
  const all = Promise.all(['1', '2', '3', '4', '5', '6'].map(ask))
  for (const pair of ['12', '34', '56']) {
    while (held.length < 2) await turn()
    const now = held.sort((one, other) => one.body.localeCompare(other.body))
    t.equal(now.map(({ body }) => body).join(''), pair)
    held = []
    for (const { answer } of now) answer()
  }
  t.same(await all, ['1', '2', '3', '4', '5', '6'])
  // Two that became free at once, of which the last call took one.
  await egress.close(600_000)
})

t.test('where nobody can be connected to all who wait are told so, and closing waits for none of them', async (t) => {
  const silent: Socket[] = []
  const port = await serveTcp(t, (socket) => silent.push(socket))
  const allow = `127.0.0.2:1,127.0.0.2:${port}`
  const egress = open(t, {
    allow,
    connectionsPerOrigin: 2,
    lookup: async () => ['127.0.0.2'],
    connectTimeoutMs: 600_000
  })
  const ask = (url: string, more = {}) => egress.open(url, { ...post, body: '{}', ...more })
  const refused = await Promise.all(Array.from({ length: 5 }, () => failureOf(ask('http://127.0.0.2:1/'))))
  for (const error of refused) t.same([error.code, wasSent(error)], ['upstream_unavailable', 'no'])

  const ending = new AbortController()
  const reason = new Error('no longer')
  const handshakes = Array.from({ length: 5 }, () => ask(`https://mcp.example:${port}/`, { signal: ending.signal }))
  while (silent.length < 2) await turn()
  ending.abort(reason)
  for (const handshake of handshakes) await t.rejects(handshake, reason)
  const stuck = failureOf(ask(`https://mcp.example:${port}/`))
  await egress.close(0)
  t.equal((await stuck).code, 'upstream_unavailable')
  t.equal(silent.length, 2)
})

t.test('a server that accepts connections and closes them is not asked for one after the other', async (t) => {
  let connections = 0
  const port = await serveTcp(t, (socket) => {
    connections += 1
    socket.destroy()
  })
  const egress = open(t, { allow: `127.0.0.2:${port}` })
  for (const calls of [1, 5, 1]) {
    connections = 0
    const asked = Array.from({ length: calls }, () =>
      failureOf(egress.open(`http://127.0.0.2:${port}/`, { ...post, body: '{}' }))
    )
    for (const error of await Promise.all(asked)) t.equal(error.code, 'upstream_unavailable')
    t.ok(connections <= 2 * calls, `${connections} for ${calls} calls`)
  }
})

t.test('a server that ends a connection which nobody used costs no call', async (t) => {
  const held: { body: string; answer: () => void }[] = []
  const sockets: Socket[] = []
  const port = await serveTcp(t, (socket) => {
    sockets.push(socket)
    socket.on('data', (bytes) => {
      const [, body = ''] = bytes.toString().split('\r\n\r\n')
      held.push({ body, answer: () => socket.write(saying(body)) })
    })
  })
  let lookups = 0
  const isFound = Promise.withResolvers<void>()
  const lookup = async () => {
    lookups += 1
    if (lookups === 2) await isFound.promise
    return ['127.0.0.2']
  }
  const egress = open(t, { allow: `127.0.0.2:${port}`, lookup })
  const ask = async (body: string) =>
    readAll((await egress.open(`http://mcp.example:${port}/`, { ...post, body })).body)
  const answerNext = async () => {
    while (held.length === 0) await turn()
    held.shift()?.answer()
  }
  const first = ask('first')
  while (held.length === 0) await turn()
  // The connection that is opened for the second call comes when the call is over.
  const second = ask('second')
  while (lookups < 2) await turn()
  for (const _ of [1, 2]) await answerNext()
  t.same(await Promise.all([first, second]), ['first', 'second'])
  const third = ask('third')
  while (held.length === 0) await turn()
  isFound.resolve()
  while (sockets.length < 2) await turn()
  for (const _ of [1, 2, 3]) await turn()
  sockets[1]?.destroy()
  const fourth = ask('fourth')
  for (const _ of [1, 2]) await answerNext()
  t.same(await Promise.all([third, fourth]), ['third', 'fourth'])
})

t.test('a server that closes each connection without saying so is asked on a new one', async (t) => {
  const { ask, sockets } = await play(t, (socket, { text }) => socket.end(echoed(text)))
  for (let calls = 0; calls < 100; calls += 1) t.equal(await ask(`${calls}`), `${calls}`)
  t.equal(sockets.length, 100)
})

t.test('what was given up while it waited for a connection is not sent, and takes none from others', async (t) => {
  const goOn = Promise.withResolvers<void>()
  const { egress, url, asked } = await play(
    t,
    (socket, { text }) => void goOn.promise.then(() => socket.write(echoed(text)))
  )
  const ending = new AbortController()
  const reason = new Error('no longer')
  const early = egress.open(url, { ...post, body: 'early', signal: ending.signal })
  ending.abort(reason)
  await t.rejects(early, reason)
  goOn.resolve()
  const late = await egress.open(url, { ...post, body: 'late' })
  t.equal(await readAll(late.body), 'late')
  t.equal(asked.length, 1)
})

t.test(
  'connections that nobody used for a while are closed, and a server that is gone is asked on a new one',
  async (t) => {
    const { ask, closed, sockets } = await play(t, (socket) => socket.write(saying('ok', 'keep-alive: timeout=3\r\n')))
    t.equal(await ask('{}'), 'ok')
    await closed(1)
    t.equal(await ask('{}'), 'ok')
    sockets[1]?.resetAndDestroy()
    await closed(2)
    t.equal(await ask('{}'), 'ok')
  }
)

t.test('a connection that its server may close by now is not used for one more call', async (t) => {
  let lateMs = 0
  const { now } = Date
  t.intercept(Date, 'now', { value: () => now() + lateMs })
  // Of the three seconds two are for the way of the next request.
  const { ask, sockets } = await play(t, (socket) => socket.write(saying('ok', 'keep-alive: timeout=3\r\n')))
  for (const [laterMs, connections] of [
    [0, 1],
    [1_000, 2]
  ] as const) {
    lateMs = laterMs
    t.equal(await ask('{}'), 'ok')
    t.equal(sockets.length, connections)
  }
})

t.test('closing lets the calls end that are under way and wait, and opens nothing more', async (t) => {
  const goOn = Promise.withResolvers<void>()
  const { egress, url, ask, asked } = await play(
    t,
    (socket, { text }) => void goOn.promise.then(() => socket.write(echoed(text)))
  )
  const answers = Promise.all(['a', 'b'].map((body) => ask(body)))
  while (asked.length < 2) await turn()
  const closing = egress.close(600_000)
  goOn.resolve()
  t.same(await answers, ['a', 'b'])
  await closing
  t.match(await failureOf(egress.open(url, { ...post, body: 'c' })), { code: 'upstream_unavailable' })
  t.equal(asked.length, 2)
})
