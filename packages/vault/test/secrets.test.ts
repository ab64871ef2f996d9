import { randomBytes } from 'node:crypto'
import t from 'tap'
import { isMaskOf, mask, parseKeyRing, requireStrongSecret } from '../src/index.ts'

const messageOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return ''
}

const key = (): string => randomBytes(32).toString('base64')

t.test('MASTER_KEYS is read newest first, in either base64', async (t) => {
  t.equal(parseKeyRing(`b:${key()}, a:${randomBytes(32).toString('base64url')}`).newestId, 'b')
  for (let index = 0; index < 500; index += 1) parseKeyRing(`k:${key()}`)
})

t.test('a bad MASTER_KEYS is refused with the entry and the fault, and never shows a key', async (t) => {
  const good = key()
  const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64')
  const cases: [string, RegExp][] = [
    ['', /is empty/],
    [' ', /is empty/],
    [good, /entry 1 is not an id/],
    [`${good}:k1`, /entry 1 is not an id/],
    [`k1:${good},`, /entry 2 is not an id/],
    [`k1:${base64(randomBytes(31))}`, /entry 1 holds 31 bytes/],
    [`k1:${randomBytes(32).toString('hex')}`, /entry 1 holds 48 bytes/],
    [`k1:${base64(Buffer.alloc(32, 7))}`, /entry 1 repeats itself/],
    [`k1:${base64(Buffer.from('ab'.repeat(32), 'hex'))}`, /entry 1 repeats itself/],
    [`k1:${base64(Uint8Array.from({ length: 32 }, (_, index) => index))}`, /entry 1 repeats itself/],
    [`k1:${base64(randomBytes(16).toString('hex'))}`, /entry 1 (repeats itself|is text)/],
    [`k1:${base64('changeme-this-is-my-master-key!!')}`, /entry 1 (repeats itself|is text)/],
    [`k1:${base64('aBcDeFgHiJkLmNoPqRsTuVwXyZ012345')}`, /entry 1 is text/],
    [`k1:${good},k1:${key()}`, /entry 2 has the id of entry 1/],
    [`k1:${good},k2:${good}`, /entry 2 has the key of entry 1/]
  ]
  for (const [text, expected] of cases) {
    const message = messageOf(() => parseKeyRing(text))
    t.match(message, expected)
    t.match(message, 'MASTER_KEYS')
    const keys = text.split(/[,:]/).filter((part) => part.length > 10)
    t.notOk(
      keys.some((part) => message.includes(part)),
      'no key in the message'
    )
  }
})

t.test('a weak secret is refused by its variable and what to do, without its value', async (t) => {
  const published = 'QaHbTe77CtuXmsfyhR7+vRjI/+XbV1AaFy691iy+kGDv2Jvy0/eAh8Y1'
  const cases: [string | undefined, RegExp][] = [
    [undefined, /is empty/],
    ['', /is empty/],
    ['   ', /is empty/],
    ['changeme', /known or default/],
    ['Change-Me-Change-Me-Change-Me-Please-42', /known or default/],
    ['my_super_long_P@ssword-password-0123456', /known or default/],
    [published, /known or default/],
    ['f3Kq9ZxT7vLm2RwY8sNdPb4HcJ6gQ1a', /shorter than 32 bytes/],
    ['a'.repeat(64), /repeats itself/],
    ['0f9e8d7c6b5a'.repeat(4), /repeats itself/]
  ]
  for (const [value, expected] of cases) {
    const message = messageOf(() => requireStrongSecret('SESSION_SECRET', value))
    t.match(message, expected)
    t.match(message, /^SESSION_SECRET .*openssl rand/)
    if (value !== undefined && value.length > 8) t.notOk(message.includes(value))
  }
})

t.test('a generated secret passes, and so does a shorter one where less is asked', async (t) => {
  for (let index = 0; index < 500; index += 1)
    for (const encoding of ['hex', 'base64', 'base64url'] as const) {
      const value = randomBytes(32).toString(encoding)
      if (requireStrongSecret('S', value) !== value) t.fail('it was changed')
    }
  t.equal(requireStrongSecret('S', 'f3Kq9ZxT7vLm2RwY', 16), 'f3Kq9ZxT7vLm2RwY')
})

t.test('a mask shows the first and last two of more than six characters and keeps the length', async (t) => {
  t.equal(mask(''), '')
  t.equal(mask('abcdef'), '******')
  t.equal(mask('abcdefg'), 'ab***fg')
  t.equal(mask('🔑bcdef🔒'), '🔑b***f🔒')
})

t.test('a mask written back is known as the mask of the stored value only', async (t) => {
  t.ok(isMaskOf('ab***fg', 'abcdefg'))
  t.notOk(isMaskOf('ab***fg', 'abcdefgh'))
  t.notOk(isMaskOf('abcdefg', 'abcdefg'))
  t.notOk(isMaskOf('ab***fx', 'abcdefg'))
})
