import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inRepository, startNats, until } from '@onbehalf/testkit'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { type Bus, connectBus, defineFeed, readFeed, writeFeed } from '../src/index.ts'
import { busesOf, openBackends } from './buses.ts'

const changes = defineFeed({
  subject: 'identity-broker.changes.v1',
  readers: ['tool-invoker'],
  change: Type.Object({ kind: Type.Literal('user'), id: Type.String() })
})
const user = (id: string) => ({ kind: 'user' as const, id })

const backends = await openBackends(t)
const open = busesOf(t, backends)
const [owner, reader] = await Promise.all([open('identity-broker'), open('tool-invoker')])
const settled = async (...buses: Bus[]) => {
  for (const bus of buses) await bus.connection.flush()
}

type Options = { silentMs?: number; now?: () => number }
type Tap = { teardown: (handler: () => void) => unknown }

/** What a reader hears, in order. */
const listen = async (t: Tap, options: Options = {}) => {
  const heard: string[] = []
  const listener = {
    onChange: ({ id }: { id: string }) => void heard.push(id),
    onReset: () => void heard.push('reset')
  }
  const feed = readFeed(reader, changes, listener, options)
  t.teardown(() => feed.close())
  await settled(reader)
  const hears = async (expected: string[]) => {
    await until(() => heard.length >= expected.length)
    await settled(owner, reader)
    return heard.splice(0)
  }
  return { heard, hears, close: feed.close }
}

const send = (envelope: unknown) =>
  owner.connection.publish(changes.subject, typeof envelope === 'string' ? envelope : JSON.stringify(envelope))
const envelope = (writer: string, number: number, ids: string[] = [], is_leaving = false) => ({
  writer,
  number,
  changes: ids.map(user),
  is_leaving
})

t.test('changes arrive in order after the reset of a writer seen first', async (t) => {
  const { hears } = await listen(t)
  const writer = writeFeed(owner, changes)
  t.teardown(writer.close)
  writer.publish(user('a'))
  writer.publish(user('b'), user('c'))
  t.same(await hears(['reset', 'a', 'b', 'c']), ['reset', 'a', 'b', 'c'])
})

t.test('once flushed, a reader hears of it before anything it is asked afterwards', async (t) => {
  const { heard } = await listen(t)
  const feed = writeFeed(owner, changes)
  t.teardown(feed.close)
  for (let round = 0; round < 50; round += 1) {
    feed.publish(user(String(round)))
    await feed.flush()
    await reader.connection.flush()
    t.equal(heard.at(-1), String(round))
  }
})

t.test('a writer beats, so that silence means something', async (t) => {
  await settled(owner)
  const numbers: number[] = []
  const subscription = reader.connection.subscribe(changes.subject, {
    callback: (_failure, message) => void numbers.push(message.json<{ number: number }>().number)
  })
  await settled(reader)
  const writer = writeFeed(owner, changes, { beatMs: 10 })
  await until(() => numbers.length >= 4)
  writer.close()
  // Or the next one to listen would hear its last words.
  await settled(owner)
  subscription.unsubscribe()
  t.same(numbers.slice(0, 4), [1, 2, 3, 4])
})

t.test('a gap, a number that went back and another writer are resets; no gap is none', async (t) => {
  const { hears } = await listen(t)
  send(envelope('one', 7))
  send(envelope('one', 8, ['a']))
  send(envelope('one', 10, ['b']))
  send(envelope('two', 1))
  send(envelope('one', 11, ['c']))
  send(envelope('two', 2, ['d']))
  send(envelope('two', 1, ['e']))
  const expected = ['reset', 'a', 'reset', 'b', 'reset', 'c', 'd', 'reset', 'e']
  t.same(await hears(expected), expected)
})

t.test('what is not a message of this feed is a reset, and so is the next of every writer', async (t) => {
  const { hears } = await listen(t)
  send(envelope('one', 1))
  for (const bad of ['no JSON', {}, { ...envelope('one', 2), number: '2' }]) send(bad)
  send(envelope('one', 2, ['a']))
  const expected = ['reset', 'reset', 'reset', 'reset', 'reset', 'a']
  t.same(await hears(expected), expected)
})

t.test('a change of an unknown kind is a reset, because nobody knows what it is about', async (t) => {
  const { hears } = await listen(t)
  send(envelope('one', 1))
  send({ ...envelope('one', 2), changes: [{ kind: 'tenant', id: 't' }, user('a')] })
  t.same(await hears(['reset', 'reset', 'a']), ['reset', 'reset', 'a'])
})

t.test('a writer that goes silent is a reset, one that left is not', async (t) => {
  let time = 0
  const { heard, hears } = await listen(t, { silentMs: 60, now: () => time })
  send(envelope('leaves', 1))
  send(envelope('leaves', 2, ['a'], true))
  send(envelope('dies', 1))
  t.same(await hears(['reset', 'a', 'reset']), ['reset', 'a', 'reset'])
  time = 59
  send(envelope('beats', 1))
  t.same(await hears(['reset']), ['reset'])
  time = 60
  await until(() => heard.length > 0)
  t.same(await hears(['reset']), ['reset'], 'only the one that was heard last 60 ms ago')
  send(envelope('beats', 2, ['b']))
  t.same(await hears(['b']), ['b'])
})

t.test('closing says that the writer leaves', async (t) => {
  let time = 0
  const { heard, hears } = await listen(t, { silentMs: 60, now: () => time })
  const writer = writeFeed(owner, changes)
  writer.publish(user('a'))
  writer.close()
  send(envelope('dies', 1))
  t.same(await hears(['reset', 'a', 'reset']), ['reset', 'a', 'reset'])
  time = 1_000
  await until(() => heard.length > 0)
  t.same(heard, ['reset'], 'one writer went silent, not two')
})

t.test('what cannot be sent stops nobody, and is a gap for the readers', async (t) => {
  const { hears } = await listen(t)
  const writer = writeFeed(owner, changes)
  writer.publish(user('x'.repeat(2_000_000)))
  writer.publish(user('a'))
  t.same(await hears(['reset', 'reset', 'a']), ['reset', 'reset', 'a'])
  writer.close()
  const leaving = await open('identity-broker')
  const late = writeFeed(leaving, changes)
  await leaving.drain()
  t.doesNotThrow(() => late.publish(user('b')))
  late.close()
})

t.test('a reconnect is a reset, and the feed goes on; a closed reader hears nothing', async (t) => {
  const { heard, hears } = await listen(t)
  const closed = await listen(t)
  closed.close()
  await backends.nats.restart()
  await until(() => heard.length > 0)
  await until(() => owner.isConnected() && reader.isConnected())
  await settled(reader, owner)
  t.same(await hears(['reset']), ['reset'])
  send(envelope('one', 1, ['a']))
  t.same(await hears(['reset', 'a']), ['reset', 'a'])
  t.same(closed.heard, [])
})

t.test('a server that refuses our password for a while is not left for good', async (t) => {
  const logFile = join(backends.directory, 'passwords.log')
  const environment = (password: string) =>
    Object.fromEntries(
      ['IDENTITY_BROKER', 'MCP_PROVIDER', 'TOOL_INVOKER', 'DEVICE_AUTH'].map((name) => [
        `${name}_NATS_PASSWORD`,
        password
      ])
    )
  const configFile = inRepository('packages/testkit/test/nats.fixture.conf')
  const first = await startNats({ configFile, environment: environment('right'), logFile })
  const bus = await connectBus({ url: first.url, user: 'tool-invoker', password: 'right', service: 'tool-invoker' })
  t.teardown(() => bus.drain())
  await first.stop()
  const refusing = await startNats({ configFile, environment: environment('wrong'), logFile, port: first.port })
  const refusals = () => readFileSync(logFile, 'utf8').split('authentication error').length - 1
  await until(() => refusals() >= 3)
  t.notOk(bus.isConnected())
  await refusing.stop()
  const last = await startNats({ configFile, environment: environment('right'), logFile, port: first.port })
  t.teardown(last.stop)
  await until(bus.isConnected)
  t.notOk(bus.connection.isClosed())
})
