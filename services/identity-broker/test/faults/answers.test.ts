import { eventually, type MakeAnswer, type TokenEndpointFault } from '@onbehalf/testkit'
import t from 'tap'
import { breaches, canRefresh } from './invariants.ts'
import { type BrokerProcess, idpTimeoutSeconds } from './processes.ts'
import { type Person, startWorld } from './world.ts'

const world = await startWorld(t)
const { idp, three, person, ask, grantOf, presentationsOf } = world

/** What a caller is told: seconds until it may come back, or that its token lives, from and to. */
type Expected = { status: number; code?: string; retryAfter?: [number, number]; life?: [number, number] }
/** What the IdP answers when the refresh token is shown, or `kept` where it is not asked again. */
type Step = [TokenEndpointFault | MakeAnswer | 'kept', Expected]
type Row = { steps: Step[]; grant: { status: string; dead_reason: string | null }; presented: number[] }

const leaseSeconds = idpTimeoutSeconds * 1.5
const live = { status: 'live', dead_reason: null }
const dead = (dead_reason: string) => ({ status: 'dead', dead_reason })
const comeBack = (...retryAfter: [number, number]) => ({
  ...{ status: 503, code: 'identity_provider_unavailable', retryAfter }
})
const signIn = { status: 401, code: 'identity_refresh_rejected' }
const notThisServer = { status: 403, code: 'audience_not_allowed' }
const given = { status: 200, life: [240, 300] } satisfies Expected

/** A token of the IdP's own for so many seconds, by a clock that may be off; the refresh token stays what it is. */
const token =
  (seconds: number, clockSeconds = 0): MakeAnswer =>
  async ({ sub, resource, signer }) => {
    const iat = Math.floor(Date.now() / 1000) + clockSeconds
    const claims = { sub, aud: resource, iat, exp: iat + seconds }
    const access_token = await signer.sign('at+jwt', seconds, claims)
    return { status: 200, body: JSON.stringify({ access_token, token_type: 'Bearer', expires_in: seconds }) }
  }

const rows: Record<string, Row> = {
  '500, then its answer': {
    steps: [
      ['500', comeBack(1, leaseSeconds)],
      ['off', given]
    ],
    ...{ grant: live, presented: [2, 1] }
  },
  '500 and 503, then its answer': {
    steps: [
      ['500', comeBack(1, leaseSeconds)],
      ['503', comeBack(1, leaseSeconds)],
      ['off', given]
    ],
    ...{ grant: live, presented: [3, 1] }
  },
  '500 although it had worked on it': {
    steps: [
      ['500', comeBack(1, leaseSeconds)],
      ['invalid_grant', signIn],
      ['kept', signIn]
    ],
    ...{ grant: dead('answer_lost'), presented: [2] }
  },
  'nothing, twice': {
    steps: [
      ['hang', comeBack(1, leaseSeconds)],
      ['hang', comeBack(1, leaseSeconds)],
      ['kept', signIn]
    ],
    ...{ grant: dead('answer_lost'), presented: [2] }
  },
  '429 with Retry-After, then its answer': {
    steps: [
      ['429', comeBack(1, 1)],
      ['off', given]
    ],
    ...{ grant: live, presented: [2, 1] }
  },
  'nothing until the timeout, then its answer': {
    steps: [
      ['hang', comeBack(1, leaseSeconds)],
      ['off', given]
    ],
    ...{ grant: live, presented: [2, 1] }
  },
  'a connection that breaks, then its answer': {
    steps: [
      ['reset', comeBack(1, leaseSeconds)],
      ['off', given]
    ],
    ...{ grant: live, presented: [2, 1] }
  },
  'an answer that was lost on the way': {
    steps: [
      ['lost', comeBack(1, leaseSeconds)],
      ['off', signIn],
      ['kept', signIn]
    ],
    ...{ grant: dead('answer_lost'), presented: [2] }
  },
  'broken JSON, then its answer': {
    steps: [
      ['unreadable-200', comeBack(1, leaseSeconds)],
      ['off', given]
    ],
    ...{ grant: live, presented: [2, 1] }
  },
  '400 with an empty body': {
    steps: [
      ['empty-400', signIn],
      ['kept', signIn]
    ],
    ...{ grant: dead('rejected'), presented: [1] }
  },
  invalid_grant: {
    steps: [
      ['invalid_grant', signIn],
      ['kept', signIn]
    ],
    ...{ grant: dead('rejected'), presented: [1] }
  },
  invalid_target: {
    steps: [
      ['invalid_target', notThisServer],
      ['kept', notThisServer]
    ],
    ...{ grant: live, presented: [1] }
  },
  '403 unauthorized_client': {
    steps: [
      ['unauthorized_client', comeBack(60, 60)],
      ['kept', comeBack(1, 30)]
    ],
    ...{ grant: live, presented: [1] }
  },
  'no refresh token with the token: the one that is stored stays': {
    steps: [
      [token(300), given],
      ['kept', given]
    ],
    ...{ grant: live, presented: [2] }
  },
  'a life too short to be kept': {
    steps: [
      [token(20), { status: 200, life: [1, 20] }],
      ['off', given]
    ],
    ...{ grant: live, presented: [2, 1] }
  },
  'a clock 90 s behind': {
    steps: [
      [token(300, -90), { status: 200, life: [150, 210] }],
      ['kept', { status: 200, life: [150, 210] }]
    ],
    ...{ grant: live, presented: [2] }
  },
  'a clock 90 s ahead': {
    steps: [
      [token(300, 90), given],
      ['kept', given]
    ],
    ...{ grant: live, presented: [2] }
  }
}

/** What one is told after which the IdP was shown the refresh token once more; or at once, where it is not asked. */
const take = async (user: Person, [answer]: Step, process: BrokerProcess) => {
  const shown = () => presentationsOf(user).reduce((sum, times) => sum + times, 0)
  const before = shown()
  if (answer !== 'kept') idp.controls.failTokenEndpoint(answer, 1)
  const told = await eventually(
    () => ask(process, user),
    () => answer === 'kept' || shown() > before,
    60
  )
  return { ...told, life: (told.expires_at ?? 0) - Date.now() / 1000 }
}

type Played = Row & { name: string; user: Person; told: Awaited<ReturnType<typeof take>>[] }

/** Whether somebody has to wait for a lease to end before the next step. */
const waits = ({ steps }: Row): boolean => steps.some(([, { retryAfter }]) => retryAfter?.[1] === leaseSeconds)

/**
 * Takes each step first at one process, then at another: row by row where nobody waits, so that what is kept is still
 * young; and elsewhere the same step of all rows before the next one, so that they wait together.
 */
const play = async (): Promise<Played[]> => {
  const played: Played[] = []
  for (const [name, row] of Object.entries(rows)) played.push({ ...row, name, user: await person(), told: [] })
  const [first, ...others] = await three()
  const takeAt = async ({ steps, user, told }: Played, at: number) => {
    for (const step of steps.slice(at, at + 1)) told.push(await take(user, step, others[at - 1] ?? first))
  }
  for (const one of played.filter((row) => !waits(row))) for (const at of [0, 1, 2]) await takeAt(one, at)
  for (const at of [0, 1, 2]) for (const one of played.filter(waits)) await takeAt(one, at)
  return played
}

const isBetween = (number: number | undefined, range: readonly [number, number] | undefined): boolean =>
  range === undefined || (number !== undefined && range[0] <= number && number <= range[1])

for (const { name, user, steps, told, grant, presented } of await play())
  t.test(`the IdP answers ${name}`, async (t) => {
    for (const [index, [, { retryAfter, life, ...expected }]] of steps.entries()) {
      t.match(told[index], expected)
      t.ok(isBetween(told[index]?.retryAfter, retryAfter), `Retry-After of ${told[index]?.retryAfter}`)
      t.ok(isBetween(told[index]?.life, life), `a token for ${told[index]?.life} s`)
    }
    t.match(await grantOf(user), grant)
    const mayRefresh = steps.at(-1)?.[1].status === 200
    if (mayRefresh) t.ok(await canRefresh(world, user))
    t.same(presentationsOf(user), presented)
  })

t.test('after all of them every invariant holds', async (t) => {
  t.same(await breaches(world), [])
})
