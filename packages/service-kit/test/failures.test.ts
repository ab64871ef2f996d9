import t from 'tap'
import { countFailures } from '../src/failures.ts'

const refused = { code: 'too_many_requests' }

t.test('whoever has one IPv6 address of a network has them all', async (t) => {
  const { add, refuseIfMany } = countFailures({ max: 3 })
  for (const ip of ['2001:db8:1:2::1', '2001:db8:1:2:ffff::', '2001:DB8:0001:2:0:0:0:9']) add(ip)
  t.throws(() => refuseIfMany('2001:db8:1:2:3:4:5:6'), refused)
  t.doesNotThrow(() => refuseIfMany('2001:db8:1:3::1'))
  for (let one = 0; one < 3; one += 1) add('2001:db8::1')
  t.throws(() => refuseIfMany('2001:db8:0:0:9::'), refused, 'however its zeros are written')
  t.doesNotThrow(() => refuseIfMany('::1'))
})

t.test('an IPv4 address is one of its own, also when it is written as IPv6', async (t) => {
  const { add, refuseIfMany } = countFailures({ max: 1 })
  add('192.0.2.1')
  add('::ffff:192.0.2.2')
  for (const ip of ['192.0.2.1', '::ffff:192.0.2.2']) t.throws(() => refuseIfMany(ip), refused)
  for (const ip of ['192.0.2.3', '::ffff:192.0.2.3']) t.doesNotThrow(() => refuseIfMany(ip))
})

t.test('visitors push out nobody who was refused', async (t) => {
  const { add, refuseIfMany } = countFailures({ max: 1 })
  add('192.0.2.1')
  for (let one = 0; one < 10_000; one += 1) refuseIfMany(`10.0.${one >> 8}.${one & 255}`)
  t.throws(() => refuseIfMany('192.0.2.1'), refused)
})

t.test('a window ends, and another begins', async (t) => {
  let time = 0
  const { add, refuseIfMany } = countFailures({ max: 1, windowMs: 1_000, now: () => time })
  add('192.0.2.1')
  t.throws(() => refuseIfMany('192.0.2.1'), { ...refused, extras: { retry_after_seconds: 1 } })
  time = 1_000
  t.doesNotThrow(() => refuseIfMany('192.0.2.1'))
})
