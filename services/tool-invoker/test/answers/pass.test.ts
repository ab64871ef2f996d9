import { once } from 'node:events'
import t from 'tap'
import { passable } from '../../src/answers/pass.ts'

t.test(
  'a caller that does not read keeps no more than a little waiting, and one that left takes nothing',
  async (t) => {
    const piece = Buffer.alloc(16 * 1024, 'x')
    const pieces = 400
    let taken = 0
    const stopped = Promise.withResolvers<void>()
    const stream = await passable(
      async ({ begin }) => {
        const take = begin('1')
        for (; taken < pieces; taken += 1) {
          const taking = take?.(piece)
          if (taking !== undefined) stopped.resolve()
          await taking
        }
        return '}'
      },
      () => '{'
    )
    if (typeof stream === 'string') throw new Error('it was not passed on')
    await stopped.promise
    t.ok(taken * piece.length <= 128 * 1024, `${taken} pieces`)
    let length = 0
    for await (const part of stream) length += part.length
    t.equal(length, pieces * piece.length + 2)

    const told = Promise.withResolvers<unknown>()
    const left = await passable(
      async ({ begin }) => {
        const take = begin('1')
        try {
          for (;;) await take?.(piece)
        } catch (thrown) {
          told.resolve(thrown)
          throw thrown
        }
      },
      () => '{'
    )
    if (typeof left === 'string') throw new Error('it was not passed on')
    const closed = once(left, 'close')
    left.destroy()
    t.match(await told.promise, { code: 'cancelled' })
    await closed
  }
)
