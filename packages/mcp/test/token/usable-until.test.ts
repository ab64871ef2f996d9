import t from 'tap'
import { usableUntil } from '../../src/token/usable-until.ts'

const now = 1_000_000_000_000
const inSeconds = (seconds: number) => now / 1000 + seconds

t.test('a token is used until 30 s before it ends, a short one for half its life', async (t) => {
  t.equal(usableUntil({ expires_at: inSeconds(300), reusable: true }, now), now + 270_000)
  t.equal(usableUntil({ expires_at: inSeconds(60), reusable: true }, now), now + 30_000)
  t.equal(usableUntil({ expires_at: inSeconds(20), reusable: true }, now), now + 10_000)
})

t.test('one that has ended, or is good for one call, is never used again', async (t) => {
  t.ok(usableUntil({ expires_at: inSeconds(0), reusable: true }, now) <= now)
  t.ok(usableUntil({ expires_at: inSeconds(-9), reusable: true }, now) <= now)
  t.equal(usableUntil({ expires_at: inSeconds(300), reusable: false }, now), 0)
})
