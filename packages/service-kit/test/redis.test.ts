import { join } from 'node:path'
import { toReported } from '@onbehalf/errors'
import { perService, randomPassword, startRedis } from '@onbehalf/testkit'
import t from 'tap'
import { openRedis } from '../src/index.ts'

const server = await startRedis({ passwords: perService(randomPassword), logFile: join(t.testdir(), 'redis.log') })
// Longer than usual: on a busy machine an answer may take 250 ms.
const { redis, close } = await openRedis(server.adminUrl, { commandMs: 1_000 })
t.teardown(async () => {
  await close()
  await server.stop()
})

t.test('a Redis that does not answer is given up and counts as away', async (t) => {
  process.kill(server.pid, 'SIGSTOP')
  const given = redis.set('a', '1').catch((error: unknown) => error)
  const error = await given.finally(() => process.kill(server.pid, 'SIGCONT'))
  t.match(toReported(error), { code: 'unavailable' }, String(error))
})

t.test('an answer that a busy turn of our own held up still counts', async (t) => {
  await redis.set('a', '2')
  // What is stopped does not answer before that turn.
  process.kill(server.pid, 'SIGSTOP')
  const asked = redis.get('a')
  const beBusy = () => {
    process.kill(server.pid, 'SIGCONT')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000)
  }
  // Sent in this turn's end; the next one is busy for longer than an answer may take.
  setImmediate(() => setImmediate(beBusy))
  t.equal(await asked, '2')
})
