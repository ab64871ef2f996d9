import type { ServerResponse } from 'node:http'
import { eventually, until } from '@onbehalf/testkit'
import t from 'tap'
import { startModern } from '../../../testkit/src/mcp-servers/index.ts'
import { type Behaviour, event, startHostile } from './hostile.ts'
import { createTestClient, base as hasty } from './send.ts'

const base = { ...hasty, timeoutMs: 30_000 }

const changed = event({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })
const offering = { tools: { listChanged: true } }
const acknowledge = (notifications: object) =>
  event({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { notifications } })

/** A server of 2026-07-28 that can do this, and answers who listens so. */
const modern = (capabilities: object, listen: Behaviour[string]): Behaviour => ({
  'server/discover': (_, { result }) => result({ supportedVersions: ['2026-07-28'], capabilities }),
  'subscriptions/listen': listen
})

/** One of sessions that can do this, with the stream that a GET opens. */
const legacy = (capabilities: object, listen: Behaviour[string]): Behaviour => ({
  initialize: ({ id, params: { protocolVersion } }, { json }) =>
    json({ jsonrpc: '2.0', id, result: { protocolVersion, capabilities } }, 200, { 'mcp-session-id': 'one' }),
  GET: listen
})

t.test('a server of 2026-07-28 is listened to until it ends', async (t) => {
  const { url, seen } = await startHostile(
    t,
    modern(offering, ({ id }, { sse, raw }) => {
      sse(acknowledge({ toolsListChanged: true }))
      sse(changed)
      sse(event({ jsonrpc: '2.0', method: 'notifications/prompts/list_changed' }))
      sse(changed + event({ jsonrpc: '2.0', id, result: { resultType: 'complete' } }))
      raw.end()
    })
  )
  let told = 0
  const watched = createTestClient(t).watchTools({ ...base, url }, () => {
    told += 1
  })
  t.equal(await watched, 'ended')
  t.equal(told, 3, 'when it began, and at each change')
  t.match(seen.at(-1), { method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true } } })
})

t.test('a server of the SDK is listened to, for as long as is wanted', async (t) => {
  const server = await startModern()
  t.teardown(server.stop)
  const enough = new AbortController()
  let told = 0
  const watched = createTestClient(t).watchTools({ ...base, url: server.url, signal: enough.signal }, () => {
    told += 1
    if (told <= 2) server.tellChanged()
    else enough.abort(new Error('enough'))
  })
  await t.rejects(watched, { message: 'enough' })
  t.equal(told, 3)
})

t.test('a server with sessions is listened to in one of its own, which ends with it', async (t) => {
  const answered = Promise.withResolvers<void>()
  const { url, seen, count } = await startHostile(t, {
    ...legacy(offering, async (_, { sse, raw }) => {
      sse(changed)
      sse(event({ jsonrpc: '2.0', id: 'p', method: 'ping' }))
      await answered.promise
      raw.end()
    }),
    POST: (_, { raw }) => {
      raw.writeHead(202).end()
      answered.resolve()
    }
  })
  let told = 0
  const client = createTestClient(t)
  const watched = client.watchTools({ ...base, url, headers: { authorization: 'Bearer x' } }, () => {
    told += 1
  })
  t.equal(await watched, 'ended')
  t.equal(told, 2)
  const opened = seen.find(({ http }) => http === 'GET')
  t.match(opened?.headers, { 'mcp-session-id': 'one', accept: 'text/event-stream', authorization: 'Bearer x' })
  t.match(
    seen.find(({ id }) => id === 'p'),
    { result: {} },
    'a ping is answered, or it would end'
  )
  await client.close()
  t.equal(count('DELETE'), 1)
})

t.test('a server that asks without end is answered so often', async (t) => {
  const replies = new Map<unknown, () => void>()
  const { url, seen } = await startHostile(t, {
    ...legacy(offering, async (_, { sse, raw }) => {
      for (let id = 1; id <= 101; id += 1) {
        const { promise, resolve } = Promise.withResolvers<void>()
        replies.set(id, resolve)
        sse(event({ jsonrpc: '2.0', id, method: 'ping' }))
        if (id <= 100) await promise
      }
      raw.end()
    }),
    POST: ({ id }, { raw }) => {
      raw.writeHead(202).end()
      replies.get(id)?.()
    }
  })
  const client = createTestClient(t, { limits: { repliesMax: 2 } })
  t.equal(await client.watchTools({ ...base, url }, () => {}), 'ended')
  await client.close()
  t.equal(seen.filter(({ http, method }) => http === 'POST' && method === undefined).length, 100)
})

/** One of 2024-11-05 that can do this: all it says comes by one stream. */
const older = (capabilities: object) => {
  const streams: ServerResponse[] = []
  const behaviour: Behaviour = {
    GET: (_, { raw, sse }) => {
      streams.push(raw)
      sse('event: endpoint\ndata: /mcp?session=1\n\n')
    },
    initialize: ({ id }, { raw }) => {
      raw.writeHead(streams.length === 0 ? 405 : 202).end()
      const result = { protocolVersion: '2024-11-05', capabilities }
      streams.at(-1)?.write(event({ jsonrpc: '2.0', id, result }))
    }
  }
  return { behaviour, streams }
}

t.test('a server of 2024-11-05 is listened to by the stream that its session is', async (t) => {
  const { behaviour, streams } = older(offering)
  const answered = Promise.withResolvers<void>()
  behaviour.POST = (_, { raw }) => {
    raw.writeHead(202).end()
    answered.resolve()
  }
  const { url, seen } = await startHostile(t, behaviour)
  let told = 0
  const watched = createTestClient(t).watchTools({ ...base, url }, () => {
    told += 1
    if (told === 1) streams[0]?.write(changed + event({ jsonrpc: '2.0', id: 'p', method: 'ping' }))
  })
  await answered.promise
  streams[0]?.end()
  t.equal(await watched, 'ended')
  t.equal(told, 2, 'when it began, and at the change')
  t.match(
    seen.find(({ id }) => id === 'p'),
    { result: {} },
    'a ping is answered'
  )
})

t.test('who listens to a server of 2024-11-05 as a client hears it by that stream, too', async (t) => {
  const { behaviour, streams } = older(offering)
  let isBegun = false
  behaviour['notifications/initialized'] = (_, { raw }) => {
    isBegun = true
    raw.writeHead(202).end()
  }
  const { url } = await startHostile(t, behaviour)
  const heard: string[] = []
  const listening = createTestClient(t).request({
    ...{ ...base, url, method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true } } },
    onEvent: ({ method }) => void heard.push(method)
  })
  await until(() => {
    // What comes while the session begins is heard as well, and its stream must not end then.
    if (isBegun) streams[0]?.write(changed)
    return heard.length > 0
  })
  streams[0]?.end()
  await listening
  t.same(new Set(heard), new Set(['notifications/tools/list_changed']))
})

t.test('a server that tells nobody of changes is not listened to', async (t) => {
  const none: Record<string, Behaviour> = {
    'offers none': modern({ tools: {} }, (_, { raw }) => raw.end()),
    'does not know the request': modern(offering, ({ id }, { json }) =>
      json({ jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } }, 404)
    ),
    'acknowledges something else': modern(offering, ({ id }, { sse, raw }) => {
      sse(acknowledge({}) + event({ jsonrpc: '2.0', id, result: {} }))
      raw.end()
    }),
    'offers none in a session': legacy({ tools: {} }, (_, { raw }) => raw.end()),
    'offers none by its stream': older({ tools: {} }).behaviour,
    'has no stream': legacy(offering, (_, { raw }) => raw.writeHead(405).end())
  }
  for (const [name, behaviour] of Object.entries(none)) {
    const { url } = await startHostile(t, behaviour)
    const told: string[] = []
    t.equal(await createTestClient(t).watchTools({ ...base, url }, () => told.push(name)), 'not offered', name)
    t.same(told, [], name)
  }
})

t.test('a server that refuses, breaks off or floods is told of as an error', async (t) => {
  const cases: [Behaviour, string][] = [
    [modern(offering, (_, { raw }) => raw.writeHead(401).end()), 'upstream_unauthorized'],
    [modern(offering, (_, { raw }) => raw.writeHead(503).end()), 'upstream_unavailable'],
    [legacy(offering, (_, { raw }) => raw.writeHead(401).end()), 'upstream_unauthorized'],
    [
      modern(offering, (_, { sse, raw }) => {
        sse(changed)
        raw.end()
      }),
      'upstream_error'
    ],
    [legacy(offering, (_, { sse }) => sse(`data: ${'x'.repeat(9_000_000)}\n\n`)), 'upstream_error'],
    [
      { initialize: (_, { raw }) => raw.writeHead(405).end(), GET: (_, { raw }) => raw.writeHead(503).end() },
      'upstream_unavailable'
    ]
  ]
  for (const [behaviour, code] of cases) {
    const { url } = await startHostile(t, behaviour)
    await t.rejects(
      createTestClient(t).watchTools({ ...base, url }, () => {}),
      { code }
    )
  }
})

t.test('who no longer listens leaves no stream open', async (t) => {
  const streams: ServerResponse[] = []
  const acknowledging: Behaviour[string] = (_, { sse, raw }) => {
    streams.push(raw)
    sse(acknowledge({ toolsListChanged: true }))
  }
  const silent = older(offering)
  const servers = [modern(offering, acknowledging), legacy(offering, acknowledging), silent.behaviour]
  for (const behaviour of servers) {
    const { url } = await startHostile(t, behaviour)
    const leaving = new AbortController()
    const watched = createTestClient(t).watchTools({ ...base, url, signal: leaving.signal }, () =>
      leaving.abort(new Error('gone'))
    )
    await t.rejects(watched, { message: 'gone' })
    const [stream] = behaviour === silent.behaviour ? silent.streams : streams.splice(0)
    t.ok(await eventually(() => stream?.destroyed, Boolean))
  }
})
