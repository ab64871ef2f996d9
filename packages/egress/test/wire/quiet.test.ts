import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { isQuiet } from '../../src/wire/quiet.ts'
import { serveTcp } from '../servers.ts'

/** Both ends of a connection. Nothing is read on ours. */
const startPair = async (t: Test): Promise<{ ours: Socket; theirs: Socket }> => {
  const accepted = Promise.withResolvers<Socket>()
  const port = await serveTcp(t, accepted.resolve)
  const ours = connect(port, '127.0.0.2').pause()
  t.teardown(() => ours.destroy())
  ours.on('error', () => {})
  await once(ours, 'connect')
  return { ours, theirs: await accepted.promise }
}

t.test('a look at a socket takes nothing while nothing comes, and leaves errors as they are', async (t) => {
  const { ours } = await startPair(t)
  const { stackTraceLimit } = Error
  for (const _ of [1, 2]) t.equal(isQuiet(ours), true)
  t.equal(Error.stackTraceLimit, stackTraceLimit)
})

t.test('a look at a socket sees what the event loop has not read', async (t) => {
  const { ours, theirs } = await startPair(t)
  await new Promise((resolve) => theirs.write('x', resolve))
  t.equal(isQuiet(ours), false)
})

t.test('a look at a socket sees that the other end ended it, or broke it off', async (t) => {
  const ended = await startPair(t)
  ended.theirs.end()
  await once(ended.theirs, 'finish')
  t.equal(isQuiet(ended.ours), false)
  const broken = await startPair(t)
  broken.theirs.resetAndDestroy()
  await once(broken.theirs, 'close')
  t.equal(isQuiet(broken.ours), false)
})

t.test('nobody can look at a socket that is gone', async (t) => {
  const { ours } = await startPair(t)
  ours.destroy()
  t.equal(isQuiet(ours), undefined)
})
