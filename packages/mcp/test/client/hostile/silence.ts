import type { ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { eventually } from '@onbehalf/testkit'
import t from 'tap'
import { nextPauseMs } from '../../../src/client/listen.ts'
import { event, startHostile } from '../hostile.ts'
import { base, createTestClient } from '../send.ts'

const tool = { name: 'x', arguments: {} }

/** Silence, and those who listen to it. */
export const testSilence = (): void => {
  t.test('silence ends at the deadline of a request, of a stream, and of everything', async (t) => {
    const beats: NodeJS.Timeout[] = []
    t.teardown(() => {
      for (const timer of beats) clearInterval(timer)
    })
    const { url } = await startHostile(t, {
      'tools/call': ({ params }, { raw, sse }) => {
        if (params.name === 'half a body')
          raw.writeHead(200, { 'content-type': 'application/json' }).write('{"jsonrpc"')
        if (params.name === 'a silent stream') sse(': hello\n\n')
        if (params.name === 'endless events') beats.push(setInterval(() => sse(': beat\n\n'), 10))
      }
    })
    // The limits that a case is not about are too long for any test.
    const never = 600_000
    const msOf = async (name: string, { timeoutMs = never, sseReadTimeoutMs = never, callMsMax = never }) => {
      const client = createTestClient(t, { limits: { callMsMax } })
      const started = performance.now()
      const call = client.callTool({ url, headers: {}, ...tool, name, timeoutMs, sseReadTimeoutMs, sessionKey: 'k' })
      await t.rejects(call, { code: 'upstream_timeout' }, name)
      return performance.now() - started
    }
    await msOf('no answer', { timeoutMs: 150 })
    await msOf('half a body', { timeoutMs: 150 })
    await msOf('a silent stream', { sseReadTimeoutMs: 150 })
    // Again where this machine did not get to an event in time.
    const endless = () => msOf('endless events', { sseReadTimeoutMs: 1_000, callMsMax: 1_500 })
    const ms = await eventually(endless, (lasted) => lasted >= 1_400)
    t.ok(ms >= 1_400, `every event gives a stream more time: ${ms} ms`)
  })

  t.test('who listens hears what is said, and takes no message that is too long', async (t) => {
    const said = { jsonrpc: '2.0', method: 'notifications/resources/list_changed' }
    const listen = async (behaviour: Parameters<typeof startHostile>[1]) => {
      const { url } = await startHostile(t, behaviour)
      const heard: string[] = []
      const request = { ...base, url, method: 'subscriptions/listen', params: { notifications: {} } }
      const asked = createTestClient(t).request({ ...request, onEvent: ({ method }) => heard.push(method) })
      return { asked, heard }
    }
    const discover: Parameters<typeof startHostile>[1] = {
      'server/discover': (_, { result }) => result({ supportedVersions: ['2026-07-28'] })
    }
    const { asked, heard } = await listen({
      ...discover,
      'subscriptions/listen': ({ id }, { sse, raw }) => {
        sse(event(said) + event({ jsonrpc: '2.0', id, result: {} }))
        raw.end()
      }
    })
    t.same((await asked).result, {})
    t.same(heard, [said.method])
    const long = `data: ${'x'.repeat(200_000)}\ndata: ${'x'.repeat(200_000)}`
    const listening: Parameters<typeof startHostile>[1][] = [
      { ...discover, 'subscriptions/listen': (_, { sse }) => sse(long) },
      { GET: (_, { sse }) => sse(long) }
    ]
    for (const behaviour of listening) {
      const tooLong = await listen(behaviour)
      await t.rejects(tooLong.asked, { code: 'upstream_error', message: /longer than 262144 characters/ })
    }
  })

  t.test('who listened to an older server is done at once, however long it wants to be left alone', async (t) => {
    const told = event({ jsonrpc: '2.0', method: 'notifications/resources/list_changed' })
    const streams: ServerResponse[] = []
    const servers: Record<string, Parameters<typeof startHostile>[1]> = {
      'of sessions': { GET: (_, { sse }) => sse(`retry: 999999999\n\n${told}`) },
      'of one stream': {
        'server/discover': (_, { raw }) => raw.writeHead(405).end(),
        initialize: ({ id, params: { protocolVersion } }, { raw }) => {
          raw.writeHead(streams.length > 0 ? 202 : 404).end()
          streams.at(-1)?.write(event({ jsonrpc: '2.0', id, result: { protocolVersion, capabilities: {} } }))
        },
        'notifications/initialized': (_, { raw }) => {
          raw.writeHead(202).end()
          const again = setInterval(() => streams.at(-1)?.write(told), 20)
          streams.at(-1)?.on('close', () => clearInterval(again))
        },
        GET: (_, { raw, sse }) => {
          streams.push(raw)
          sse('event: endpoint\ndata: /mcp?session=1\n\n')
        }
      }
    }
    for (const [name, behaviour] of Object.entries(servers)) {
      const { url } = await startHostile(t, behaviour)
      const enough = new AbortController()
      let heard = 0
      const onEvent = () => {
        heard += 1
        enough.abort(new Error('enough'))
      }
      const request = { ...base, url, method: 'subscriptions/listen', params: { notifications: {} }, sessionKey: 'k' }
      const asked = createTestClient(t).request({ ...request, onEvent, signal: enough.signal })
      const givenUp = new AbortController()
      const tooLong = wait(10_000, 'still heard', { signal: givenUp.signal, ref: true })
      await t.rejects(Promise.race([asked, tooLong]), { message: 'enough' }, name)
      givenUp.abort()
      await tooLong.catch(() => {})
      t.equal(heard, 1, `${name}: and hears no more`)
    }
  })

  t.test('a server that ends its stream at once is left alone for longer each time', (t) => {
    let ms = 0
    const after = (heardMs: number, retryMs?: number) => {
      ms = nextPauseMs(ms, { heardMs, ...(retryMs !== undefined && { retryMs }) })
      return ms
    }
    t.same([after(5, 0), after(5, 0), after(5, 0)], [1_000, 2_000, 4_000], 'also where it says `retry: 0`')
    for (const _ of Array(10)) after(5)
    t.equal(after(5), 60_000)
    t.equal(after(90_000), 1_000, 'until one lasts')
    t.equal(after(5, 120_000), 120_000, 'and for as long as it asks for')
    t.end()
  })
}
