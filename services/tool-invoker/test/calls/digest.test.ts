import { createHash, createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'
import t from 'tap'
import { digestOf } from '../../src/calls/digest.ts'
import { hmacWith } from '../../src/chain/hmac.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url')

t.test("RFC 8785's own examples have the digest of their canonical form", async (t) => {
  // RFC 8785 §3.2.2 and §3.2.3
  const numbers = '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001]}'
  t.equal(digestOf(JSON.parse(numbers)), sha256('{"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}'))
  const strings = { string: '\u20ac$\u000f\nA\'B"\\\\"/', literals: [null, true, false] }
  t.equal(digestOf(strings), sha256(String.raw`{"literals":[null,true,false],"string":"€$\u000f\nA'B\"\\\\\"/"}`))
  const names = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }
  t.equal(digestOf(names), sha256('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}'))
})

t.test('the order of names does not matter, the order of items does', async (t) => {
  t.equal(digestOf({ a: 1, b: { c: 2, d: 3 } }), digestOf({ b: { d: 3, c: 2 }, a: 1 }))
  t.not(digestOf({ a: [1, 2] }), digestOf({ a: [2, 1] }))
  t.equal(digestOf({}), sha256('{}'))
})

t.test('100 levels are fine, more are refused', async (t) => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)])
  t.type(digestOf(nested(100)), 'string')
  t.throws(() => digestOf(nested(101)), ReportedError)
})

t.test('100,000 values are fine, more are refused, wherever they are', async (t) => {
  const items = (count: number) => Array.from({ length: count }, () => ({}))
  const members = (count: number) => Object.fromEntries(items(count).map((one, index) => [`n${index}`, one]))
  for (const make of [items, members]) {
    t.type(digestOf(make(100_000)), 'string')
    t.throws(() => digestOf(make(100_001)), { code: 'invalid_arguments', extras: { details: [{ path: 'arguments' }] } })
    t.type(digestOf([make(49_999), make(49_999)]), 'string')
    t.throws(() => digestOf([make(50_000), make(49_999)]), ReportedError)
  }
})

t.test('records are linked with the HMAC that others know', async (t) => {
  const key = createSecretKey(randomBytes(32))
  const hmac = hmacWith(key)
  for (const text of ['', 'a', 'é\u{1f511}'.repeat(3_000), 'b'])
    t.equal(hmac(text), createHmac('sha256', key).update(text).digest('base64url'), `of ${text.length} characters`)
})
