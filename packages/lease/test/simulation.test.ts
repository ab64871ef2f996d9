import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type Mutation, mutate } from './mutate.ts'

const runs = 100_000
const runsMax = 10_000
const sources = fileURLToPath(new URL('../src', import.meta.url))

/** In a process of its own: tap watches every promise of this one, which takes three quarters of the time. */
const run = (directory: string, ...args: string[]): Promise<{ isOk: boolean; lines: string[] }> =>
  new Promise((resolve) => {
    const main = `${directory}/testing/simulation/main.ts`
    execFile(process.execPath, [main, ...args], { env: { PATH: process.env.PATH } }, (error, stdout, stderr) => {
      resolve({ isOk: error === null, lines: `${stdout}${stderr}`.trim().split('\n') })
    })
  })

t.test('whatever happens, in whatever order, the promises hold', async (t) => {
  const { isOk, lines } = await run(sources, '--runs', String(runs))
  t.comment(lines.join('\n'))
  t.ok(isOk)
  t.match(lines, [`${runs} interleavings from seed 1`])
})

t.test('the same seed is the same run, told step by step', async (t) => {
  const [one, again, other] = await Promise.all(['7', '7', '8'].map((seed) => run(sources, '--seed', seed)))
  t.ok(one && one.lines.length > 5)
  t.same(again, one)
  t.notSame(other, one)
})

// What would burn grants, put in on purpose. Each is in the very code that production runs, or in the model that keeps
// the promises of the SQL store.
const faults: Record<string, Mutation> = {
  'the lease is taken without comparing': {
    file: 'testing/model-store.ts',
    from: 'if (!isFree || row.generation !== claim.generation || row.attempt !== claim.attempt - 1) return undefined',
    to: 'if (row.dead !== null) return undefined'
  },
  'nobody looks for a token again after another one refreshed': {
    file: 'turn.ts',
    from: 'if (progress.generation !== generation) return undefined',
    to: ''
  },
  'the token that is looked for and the generation are of two moments': {
    file: 'testing/model-store.ts',
    from: 'look: (id, want) => transact(() => model.look(id, want)),',
    to: `look: async (id, want) => {
      const [first, second] = [await transact(() => model.look(id, want)), await transact(() => model.look(id, want))]
      return second && { ...second, token: first?.token }
    },`
  },
  'a rejection ends whatever refresh token there is': {
    file: 'testing/model-store.ts',
    from: 'if (row.dead !== null || row.generation !== generation || row.attempt !== attempt) return false',
    to: 'if (row.dead !== null) return false'
  },
  'an answer is stored whatever refresh token there is': {
    file: 'testing/model-store.ts',
    from: "if (row.dead !== null || row.generation !== lease.generation) return 'lost'",
    to: "if (row.dead !== null) return 'lost'"
  },
  'a lease that was got late is used': {
    file: 'present.ts',
    from: 'if (clock.now() + exchangeMs > leaseEndsAt) {',
    to: 'if (clock.now() < 0) {'
  },
  'an answer that cannot be stored at once is given up': {
    file: 'persist.ts',
    from: 'if (clock.now() >= until) throw error',
    to: 'throw error'
  },
  'an answer is given before it is stored': {
    file: 'present.ts',
    from: "return stored === 'kept' ? answer.token : undefined",
    to: 'return answer.token'
  },
  'tokens that were emptied meanwhile are stored': {
    file: 'testing/model-store.ts',
    from: "if (row.epoch !== lease.epoch) return 'emptied'",
    to: ''
  },
  'a process leaves with an answer in its hands': {
    file: 'refresher.ts',
    from: 'await Promise.allSettled(presenting.map(({ promise }) => promise))',
    to: 'if (presenting.length > 1000) await presenting[0]?.promise'
  },
  'the owner is not asked whether it still waits': {
    file: 'turn.ts',
    from: '&& !(isOthers && (await isOwnerWaiting(last, id)))',
    to: ''
  }
}

for (const [name, fault] of Object.entries(faults))
  t.test(`found within ${runsMax} runs: ${name}`, async (t) => {
    const directory = mutate(t, fault)
    const { isOk, lines } = await run(directory, '--runs', String(runsMax))
    t.notOk(isOk)
    t.match(lines, [/^seed \d+: /, /^see it with: /])
    t.comment(lines[0])
    const [seed = ''] = /\d+/.exec(lines[0] ?? '') ?? []
    t.ok((await run(directory, '--seed', seed)).lines.includes(lines[0] ?? ''), 'and again with its seed')
  })
