import { randomBytes, randomUUID } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'
import { recordSecrets } from '@onbehalf/testkit'
import t from 'tap'
import { createIssuanceRecorder } from '../../src/issuances/record.ts'
import { hashIn, keyOf } from '../../src/issuances/row.ts'
import type { NewIssuance, Use } from '../../src/issuances/write-store.ts'
import type { MintAsk } from '../../src/tokens/mint.ts'
import type { Minted } from '../../src/tokens/modes/mode.ts'

const askOf = (user_id: string = randomUUID()): MintAsk => ({
  ...{ tenant_id: randomUUID(), user_id, actor: { kind: 'user', id: user_id }, app_id: null, mode: 'idp_token' },
  ...{
    provider: { audience: 'https://a.example/mcp', scopes: [] },
    call: 'any' as const,
    rejectedTokenHash: undefined
  },
  deadlineAt: 0
})
const mintedOf = (more: Partial<Minted> = {}): Minted => {
  const token = randomBytes(32).toString('base64url')
  recordSecrets([token])
  return {
    ...{ token, expires_at: 4_000_000_000, reusable: true, subject: 'ann', jti: 'j', generation: 1 },
    ...{ grant_id: null, connection_id: null },
    ...more
  }
}
const refusal = new ReportedError('policy_denied', 'no')

/** A table that can be away, and holds each insert until it is let through. */
const stage = () => {
  const rows: NewIssuance[] = []
  const uses: Use[] = []
  let gate = Promise.resolve()
  let isAway = false
  return {
    rows,
    uses,
    away: (is: boolean) => {
      isAway = is
    },
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      return resolve
    },
    insert: async (some: readonly NewIssuance[]) => {
      const copies = some.map((row) => ({ ...row }))
      await gate
      if (isAway) throw new Error('Connection terminated')
      rows.push(...copies)
    },
    count: async (some: readonly Use[]) => {
      if (isAway) throw new Error('Connection terminated')
      uses.push(...some)
    }
  }
}

t.test('a token good for several calls waits for its row, once', async (t) => {
  const { rows, uses, hold, insert, count } = stage()
  const recorder = createIssuanceRecorder({ insert, count, flushMs: 60_000 })
  const [ask, minted] = [askOf(), mintedOf()]
  const letThrough = hold()
  let isHandedOut = false
  const first = recorder.issued(ask, minted).then(() => {
    isHandedOut = true
  })
  await new Promise(setImmediate)
  t.notOk(isHandedOut)
  letThrough()
  await first
  t.equal(rows.length, 1)
  await recorder.issued(ask, minted)
  t.same([rows.length, uses], [1, []], 'the second use is counted and not waited for')
  await recorder.close()
  t.same([rows.map(({ times }) => times), uses.map(({ times }) => times)], [[1], [1]])
})

t.test('a row that was written with its token counts the first use', async (t) => {
  const { rows, uses, insert, count } = stage()
  const recorder = createIssuanceRecorder({ insert, count, flushMs: 60_000 })
  const [ask, minted] = [askOf(), mintedOf()]
  recorder.recorded(keyOf(hashIn(minted.token, ask.provider.audience), ask.actor))
  for (let use = 0; use < 3; use += 1) await recorder.issued(ask, minted)
  t.same(rows, [], 'nobody waits for what is there')
  await recorder.close()
  t.match(uses, [{ times: 2, actor_id: ask.user_id }])
})

t.test('without its row it is not handed out; a token for one call is, and is written later', async (t) => {
  const { rows, away, insert, count } = stage()
  const recorder = createIssuanceRecorder({ insert, count, flushMs: 60_000, retryMs: 1 })
  const troubles: number[] = []
  recorder.onTrouble((_error, waiting) => troubles.push(waiting))
  away(true)
  await t.rejects(recorder.issued(askOf(), mintedOf()), /terminated/)
  await recorder.issued(askOf(), mintedOf({ reusable: false }))
  recorder.refused(askOf(), refusal)
  t.same(rows, [])
  away(false)
  await recorder.close()
  t.same(rows.map(({ outcome }) => outcome).sort(), ['issued', 'issued', 'policy_denied'])
  t.same(troubles, [1], 'told once')
})

t.test('leaving waits for the table no longer than it may, and says what is lost', async (t) => {
  const { away, insert, count } = stage()
  const recorder = createIssuanceRecorder({ insert, count, flushMs: 60_000, retryMs: 1 })
  away(true)
  recorder.refused(askOf(), refusal)
  await t.rejects(recorder.close(20), /1 records of tokens could not be written/)
})

t.test('what waits is bounded: refusals are let go, and no token is given without a place', async (t) => {
  const { rows, away, insert, count } = stage()
  const recorder = createIssuanceRecorder({ insert, count, flushMs: 60_000, retryMs: 1, waitingMax: 3 })
  away(true)
  for (let one = 0; one < 3; one += 1) await recorder.issued(askOf(), mintedOf({ reusable: false }))
  for (let one = 0; one < 100; one += 1) recorder.refused(askOf(), refusal)
  await t.rejects(recorder.issued(askOf(), mintedOf({ reusable: false })), { code: 'recording_unavailable' })
  away(false)
  await recorder.close()
  t.equal(rows.length, 3)
})

t.test('who asks faster than rows can be written waits for them, and is not refused', async (t) => {
  const { rows, hold, insert, count } = stage()
  const recorder = createIssuanceRecorder({ insert, count, flushMs: 60_000, waitingMax: 3 })
  const letThrough = hold()
  let given = 0
  const all = Array.from({ length: 20 }, async () => {
    await recorder.issued(askOf(), mintedOf({ reusable: false }))
    given += 1
  })
  await new Promise(setImmediate)
  t.equal(given, 6, 'three are being written, and there is room for three')
  letThrough()
  await Promise.all(all)
  await recorder.close()
  t.equal(rows.length, 20)
})

t.test('so many rows are written that there is room again, before their time', async (t) => {
  const { promise: written, resolve } = Promise.withResolvers<readonly NewIssuance[]>()
  const { count } = stage()
  const insert = async (rows: readonly NewIssuance[]) => resolve([...rows])
  const recorder = createIssuanceRecorder({ insert, count, flushMs: 60_000, dueMax: 3 })
  const [ask, minted] = [askOf(), mintedOf({ reusable: false })]
  for (let one = 0; one < 3; one += 1) await recorder.issued(ask, minted)
  const rows = await written
  t.equal(new Set(rows.map(({ id }) => id)).size, 3, 'a row for each call')
  t.same(
    rows.map(({ token_hash, times }) => ({ token_hash, times })),
    rows.map(() => ({ token_hash: null, times: 1 }))
  )
  await recorder.close()
})

t.test('the same refusal is one row that counts', async (t) => {
  const { rows, insert, count } = stage()
  const recorder = createIssuanceRecorder({ insert, count, flushMs: 60_000 })
  const ask = askOf()
  for (let one = 0; one < 50; one += 1) recorder.refused(ask, refusal)
  recorder.refused(ask, new Error('what nobody expected'))
  await recorder.close()
  t.same(
    rows.map(({ outcome, times }) => [outcome, times]),
    [
      ['policy_denied', 50],
      ['internal', 1]
    ]
  )
})

t.test('a row that Postgres does not take is left out, and holds no other back', async (t) => {
  const rows: NewIssuance[] = []
  const { count } = stage()
  const insert = async (some: readonly NewIssuance[]) => {
    if (some.some(({ jti }) => jti === 'bad'))
      throw Object.assign(new Error('date/time field value out of range'), { code: '22008' })
    rows.push(...some)
  }
  const recorder = createIssuanceRecorder({ insert, count, flushMs: 60_000 })
  const [left, troubles]: [string[], unknown[]] = [[], []]
  recorder.onUnfit((_error, { user_id }) => left.push(user_id))
  recorder.onTrouble((error) => troubles.push(error))
  const asks = Array.from({ length: 9 }, () => askOf())
  const bad = new Set([asks[2], asks[8]])
  const results = await Promise.allSettled(
    asks.map((ask) => recorder.issued(ask, mintedOf(bad.has(ask) ? { jti: 'bad' } : {})))
  )
  t.same(
    results.map(({ status }) => status),
    asks.map((ask) => (bad.has(ask) ? 'rejected' : 'fulfilled')),
    'who is given a token has a row of it, and the others do not wait'
  )
  t.match(results[2], { reason: { code: 'recording_unavailable' } })
  t.same(
    rows.map(({ user_id }) => user_id),
    asks.filter((ask) => !bad.has(ask)).map(({ user_id }) => user_id)
  )
  await recorder.close()
  t.same([rows.length, left, troubles], [7, [asks[2]?.user_id, asks[8]?.user_id], []], 'and it is not tried for ever')
})

t.test('what somebody else made up is not stored as it came', async (t) => {
  const { rows, insert, count } = stage()
  const recorder = createIssuanceRecorder({ insert, count })
  for (const jti of ['fine-1', 'a\u0000b', 'x'.repeat(256), '\u202egnp.exe', ''])
    await recorder.issued(askOf(), mintedOf({ jti }))
  await recorder.close()
  t.same(
    rows.map(({ jti }) => jti),
    ['fine-1', null, null, null, null]
  )
})

t.test('a row that somebody waits for is written without the uses that are still counted', async (t) => {
  const { rows, uses, insert, count } = stage()
  const recorder = createIssuanceRecorder({ insert, count, flushMs: 60_000 })
  const [ask, minted] = [askOf(), mintedOf()]
  for (let use = 0; use < 5; use += 1) await recorder.issued(ask, minted)
  await recorder.issued(askOf(), mintedOf())
  t.same([rows.length, uses], [2, []])
  await recorder.close()
  t.match(uses, [{ actor_kind: 'user', actor_id: ask.user_id, times: 4 }])
})

t.test('what comes while others are written is counted until its own time', async (t) => {
  const { rows, hold, insert, count } = stage()
  const recorder = createIssuanceRecorder({ insert, count, flushMs: 60_000 })
  const letThrough = hold()
  const first = recorder.issued(askOf(), mintedOf())
  const ask = askOf()
  for (let one = 0; one < 3; one += 1) recorder.refused(ask, refusal)
  letThrough()
  await first
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
  for (let one = 0; one < 3; one += 1) recorder.refused(ask, refusal)
  t.equal(rows.length, 1)
  await recorder.close()
  t.same(
    rows.map(({ times }) => times),
    [1, 6]
  )
})
