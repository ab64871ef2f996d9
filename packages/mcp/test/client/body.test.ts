import { Ending } from '@onbehalf/egress'
import t from 'tap'
import { createBackground } from '../../src/client/background.ts'
import { Body } from '../../src/client/body.ts'
import { createHeldBudget } from '../../src/client/held-budget.ts'

t.test('an answer that comes byte by byte is held in few pieces, and whole', async (t) => {
  const bytes = Buffer.from('é€😀 and so on '.repeat(1_000))
  const source = async function* () {
    for (const byte of bytes) yield Uint8Array.of(byte)
    yield Buffer.alloc(100_000, 'x')
    for (const byte of bytes) yield Uint8Array.of(byte)
  }
  const body = new Body(source(), new Ending(), 1_000_000, {
    background: createBackground(),
    budget: createHeldBudget(1_000_000),
    holder: ''
  })
  t.equal(await body.hold(1_000_000), false)
  t.ok(body.held.count < 1_000, `${body.held.count} pieces`)
  t.ok(Buffer.concat([bytes, Buffer.alloc(100_000, 'x'), bytes]).equals(Buffer.concat(body.held.take())))
})
