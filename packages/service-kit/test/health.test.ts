import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { type App, anyUser, typed } from '../src/index.ts'
import { countRequestTimes } from '../src/request-times.ts'
import { startApp } from './app.ts'

const createDependencies = () => {
  const down = new Set<string>()
  const dependencies = ['postgres', 'nats'].map((name) => ({
    name,
    check: async () => {
      if (down.has(name)) throw new Error('away')
    }
  }))
  return { down, dependencies }
}

t.test('not ready before everything answered once, then ready or degraded, then draining', async (t) => {
  const { down, dependencies } = createDependencies()
  const { promise: gate, resolve: release } = Promise.withResolvers<void>()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const { promise: leaving, resolve: leave } = Promise.withResolvers<void>()
  const routes = (app: App) => {
    app.addHook('preClose', async () => {
      leave()
      await gate
    })
    app.get('/slow', { config: { access: 'public' } }, async () => {
      begin()
      await gate
      return { done: true }
    })
  }
  const { app } = await startApp(t, { dependencies, routes })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const ready = async () => {
    const answer = await fetch(`${url}/readyz`)
    return [answer.status, await answer.json()]
  }
  down.add('nats')
  t.same(await ready(), [503, { status: 'starting', missing: ['nats'] }])
  t.same((await app.inject('/healthz')).json(), { status: 'ok' })
  down.clear()
  t.same(await ready(), [200, { status: 'ready', degraded: [] }])
  down.add('nats')
  down.add('postgres')
  t.same(await ready(), [200, { status: 'degraded', degraded: ['postgres', 'nats'] }])
  const running = fetch(`${url}/slow`)
  await begun
  const closed = app.close()
  await leaving
  t.same(await ready(), [503, { status: 'draining' }])
  t.equal((await fetch(`${url}/healthz`)).status, 200)
  const late = await fetch(`${url}/slow`)
  t.match([late.status, late.headers.get('retry-after'), await late.json()], [503, '1', { code: 'unavailable' }])
  release()
  t.same(await (await running).json(), { done: true }, 'what runs is finished')
  await closed
})

// More than the system takes for a peer that does not read, several times.
const stepBytes = 40 * 1024 * 1024
const large = Buffer.alloc(3 * stepBytes)

const startAnswering = async (t: Test) => {
  const sweeps: (() => void)[] = []
  const closed = new Set<number | undefined>()
  const quiet = new Readable({ read: () => {} })
  const { promise: upstream, resolve: answer } = Promise.withResolvers<{ done: boolean }>()
  const config = { access: 'public' as const }
  const routes = (app: App) => {
    app.get('/large', { config }, async (_request, reply) => reply.type('application/octet-stream').send(large))
    app.get('/quiet', { config }, async (_request, reply) => reply.type('text/event-stream').send(quiet))
    app.get('/waiting', { config }, () => upstream)
    app.server.on('connection', (socket) => {
      const { remotePort } = socket
      socket.once('close', () => closed.add(remotePort))
    })
  }
  const everyMinute = (work: () => void) => {
    sweeps.push(work)
    return () => {}
  }
  const { app } = await startApp(t, { routes, everyMinute })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const ask = async (path: string) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
    t.teardown(() => socket.destroy())
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
    await once(socket, 'data')
    const { localPort } = socket.pause()
    return { socket, isClosed: () => closed.has(localPort) }
  }
  return { url, ask, quiet, answer, minute: () => sweeps.forEach((sweep) => void sweep()) }
}

t.test('an answer that nobody reads is not kept, whoever is slow, quiet, idle or waiting is', async (t) => {
  const { url, ask, quiet, answer, minute } = await startAnswering(t)
  const unread = await ask('/large')
  const idle = await ask('/healthz')
  const waiting = fetch(`${url}/waiting`)
  quiet.push(': begun\n\n')
  const listening = await fetch(`${url}/quiet`)
  const slow = (await fetch(`${url}/large`)).body?.getReader()
  let bytes = 0
  for (const goal of [1, stepBytes, 2 * stepBytes]) {
    while (bytes < goal) bytes += (await slow?.read())?.value?.length ?? 0
    minute()
  }
  for (let more = await slow?.read(); more?.value; more = await slow?.read()) bytes += more.value.length
  t.equal(bytes, large.length, 'who reads slowly reads it all')
  for (let minutes = 0; minutes < 10_000 && !unread.isClosed(); minutes += 1) {
    unread.socket.write('\r\n')
    minute()
    await setImmediate()
  }
  t.ok(unread.isClosed(), 'even where its peer goes on sending')
  t.notOk(idle.isClosed())
  idle.socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n')
  idle.socket.resume()
  t.match(String((await once(idle.socket, 'data'))[0]), /^HTTP\/1.1 200/)
  answer({ done: true })
  t.same(await (await waiting).json(), { done: true })
  quiet.push('data: at last\n\n')
  quiet.push(null)
  t.equal(await listening.text(), ': begun\n\ndata: at last\n\n')
})

t.test('a dependency that does not answer does not hold the question up', async (t) => {
  const dependencies = [{ name: 'redis', check: () => new Promise<void>(() => {}) }]
  const { app } = await startApp(t, { dependencies })
  t.same((await app.inject('/readyz')).json(), { status: 'starting', missing: ['redis'] })
})

t.test('metrics tell how long each route took, by its pattern', async (t) => {
  const routes = (app: App) => void app.get('/things/:id', { config: { access: 'public' } }, async () => ({}))
  const { app } = await startApp(t, { routes })
  await app.inject('/things/7?token=x')
  await app.inject('/nothing/here')
  const { body, headers } = await app.inject('/metrics')
  t.match(headers['content-type'], /^text\/plain/)
  const counted = body.split('\n').find((line) => line.startsWith('onbehalf_http_request_seconds_count'))
  for (const label of ['method="GET"', 'route="/things/:id"', 'status="200"', 'service="test-service"', '} 1'])
    t.ok(counted?.includes(label), label)
  t.match(body, /route="none"/)
  t.match(body, /process_cpu_seconds_total/)
  t.notMatch(body, /things\/7|nothing\/here/)
})

t.test('of each time the buckets know that reach as far, and the last one knows all', async (t) => {
  const times = countRequestTimes('test-service')
  for (const seconds of [0.25, 2, 16]) times.observe('GET', '/things/:id', 200, seconds)
  times.observe('GET', '/things/:id', 404, 0.5)
  const labels = 'method="GET",route="/things/:id",status="200",service="test-service"'
  const of = (lines: string[], status: number) => lines.filter((line) => line.includes(`status="${status}"`))
  const lines = times.text().split('\n')
  t.same(of(lines, 200), [
    ...[0.001, 0.005, 0.02, 0.1].map((le) => `onbehalf_http_request_seconds_bucket{le="${le}",${labels}} 0`),
    `onbehalf_http_request_seconds_bucket{le="0.5",${labels}} 1`,
    `onbehalf_http_request_seconds_bucket{le="2",${labels}} 2`,
    `onbehalf_http_request_seconds_bucket{le="10",${labels}} 2`,
    `onbehalf_http_request_seconds_bucket{le="+Inf",${labels}} 3`,
    `onbehalf_http_request_seconds_sum{${labels}} 18.25`,
    `onbehalf_http_request_seconds_count{${labels}} 3`
  ])
  t.equal(of(lines, 404).at(-1)?.split(' ').at(-1), '1', 'each status for itself')
  t.same([lines[1], lines.at(-1)], ['# TYPE onbehalf_http_request_seconds histogram', ''])
})

t.test(
  'the description of the routes says who may call them, and leaves the inner ones of operation out',
  async (t) => {
    const schema = { body: Type.Object({ name: Type.String() }), response: { 200: Type.Object({ id: Type.String() }) } }
    const routes = (app: App) => {
      typed(app).post('/v1/things', { config: { access: anyUser }, schema }, async () => ({ id: 'a' }))
      app.get('/v1/open', { config: { access: 'public' } }, async () => ({}))
    }
    const { app } = await startApp(t, { routes })
    const { openapi, paths, components } = (await app.inject('/openapi.json')).json()
    t.equal(openapi, '3.1.0')
    t.same(Object.keys(paths).sort(), ['/v1/open', '/v1/things'])
    t.same(paths['/v1/things'].post.security, [{ session: [] }, { bearer: [] }])
    t.same(paths['/v1/open'].get.security, [])
    t.match(paths['/v1/things'].post.requestBody, {
      content: { 'application/json': { schema: { required: ['name'] } } }
    })
    t.equal(components.securitySchemes.session.name, '__Host-onbehalf_session')
  }
)
