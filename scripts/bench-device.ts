import { randomUUID } from 'node:crypto'
import { resolveBearer } from '@onbehalf/contracts'
import { serve } from '@onbehalf/rpc'
import { busAuthenticators, hashOf } from '@onbehalf/service-kit'
import { redeem } from '../services/device-auth/src/device-code/redeem.ts'
import { start } from '../services/device-auth/src/device-code/start.ts'
import { codeStore } from '../services/device-auth/src/device-code/store.ts'
import { resolveToken } from '../services/device-auth/src/device-token/resolve.ts'
import { tokenStore } from '../services/device-auth/src/device-token/store.ts'
import { openBudgets } from '../services/device-auth/src/limits/budgets.ts'
import { startRig } from './bench/device/rig.ts'
import { seedCodes, seededCode, seededToken, seedTokens, usedBytes } from './bench/device/seed.ts'
import { headOf, lineOf } from './bench/device/table.ts'
import { askBy, measure } from './bench/load.ts'
import { namesOf, numberOf, numbersOf, readOptions } from './bench/options.ts'

// Device polls, code creations and bearer resolves per second of device-auth's code and Redis on one core:
// `npm run bench:device`, on a quiet machine with two cores; for a look `npm run bench:device -- --quick`. There is no HTTP
// in it: the functions behind the routes are called in this process, and what they ask of Redis, Postgres and NATS is real.
const values = readOptions('npm run bench:device --', {
  quick: { type: 'boolean', default: false },
  codes: { type: 'string' },
  tokens: { type: 'string' },
  seconds: { type: 'string' },
  'in-flight': { type: 'string' },
  /** Some of `kinds`. */
  only: { type: 'string' }
})
const { quick } = values
const seconds = numberOf('--seconds', values.seconds ?? (quick ? 1 : 3))
const sizes = numbersOf('--codes', values.codes ?? (quick ? '1000' : '1000,1000000'))
const tokenRows = numberOf('--tokens', values.tokens ?? (quick ? 10_000 : 1_000_000))
const loads = numbersOf('--in-flight', values['in-flight'] ?? (quick ? '32' : '1,32,256'))
const warmUp = { questions: 20_000, secondsMax: quick ? 1 : 2 }
const kinds = ['poll', 'create', 'cold', 'cached'] as const
const wanted = namesOf('--only', values.only, kinds)
const isWanted = (kind: (typeof kinds)[number]) => wanted.includes(kind)
const heldTokens = 1_000

const rig = await startRig()
const { resources, invokerBus, others } = rig
const { redis } = resources.redis
const codes = codeStore(redis)
const report = async (kind: string, ask: () => Promise<unknown>, prepare = async () => {}) => {
  for (const inFlight of loads) {
    await prepare()
    console.log(lineOf(kind, inFlight, await measure(process.pid, others, askBy(ask), { inFlight, seconds, warmUp })))
  }
}
const isPending = (error: unknown) => {
  if (!(error instanceof Error && 'code' in error && error.code === 'authorization_pending')) throw error
}
const log = { debug: () => {}, warn: () => {} }

const pollOf = (total: number) => {
  let next = 0
  const mint = () => Promise.reject(new Error('nobody approved'))
  return () => {
    next = (next + 1) % total
    const device = { device_code: seededCode(next), client_id: 'onbehalf' }
    return redeem({ ...device, ip: '203.0.113.195', request_id: 'bench', log }, { codes, mint }).catch(isPending)
  }
}
const { userCodeKey, makeUserCode, config } = resources
// Many, since each may begin so many flows only.
const clientIds = Array.from({ length: 100 }, (_, index) => `client ${index}`)
const budgets = openBudgets(redis)
const starting = { codes, budgets, clientIds, userCodeKey, publicUrl: config.PUBLIC_URL, makeUserCode }
let started = 0
const create = () => {
  started += 1
  const client_id = `client ${started % clientIds.length}`
  return start({ client_id, device_label: 'laptop', ip: '203.0.113.195' }, starting)
}

const resolves = async () => {
  const tenant_id = randomUUID()
  const people = Array.from({ length: 100 }, () => randomUUID())
  await seedTokens(rig.adminUrl, { tenant_id, people, total: tokenRows })
  const tools = {
    tokens: tokenStore(resources.postgres.db),
    ...{ users: resources.users, signingKey: resources.keys.signingKey },
    ...{ onUse: () => {}, announce: () => {} }
  }
  const served = serve(resources.bus, resolveBearer, ({ token_hash }) => resolveToken(token_hash, tools))
  const reader = busAuthenticators(invokerBus, { accepts: ['bearer'] })
  await Promise.all([resources.bus, invokerBus].map(({ connection }) => connection.flush()))
  const { bearer } = reader.authenticators
  if (!bearer) throw new Error('bearers were accepted')
  console.log(headOf(`${tokenRows.toLocaleString('en')} token rows`))
  let next = 0
  const askOf = (total: number) => async () => {
    next = (next + 7_919) % total
    return bearer(hashOf(seededToken(next)))
  }
  if (isWanted('cold')) await report('resolve, cold', askOf(tokenRows))
  // Filled before it is measured.
  const held = askOf(Math.min(heldTokens, tokenRows))
  const fill = async () => {
    for (let done = 0; done < heldTokens; done += 50) await Promise.all(Array.from({ length: 50 }, held))
  }
  if (isWanted('cached')) await report('resolve, cached', held, fill)
  reader.close()
  await served.stop()
}

const flows = async () => {
  const empty = await usedBytes(redis)
  let seeded = 0
  for (const total of sizes) {
    await seedCodes(redis, { from: seeded, total, key: userCodeKey })
    const each = Math.round(((await usedBytes(redis)) - empty) / total)
    console.log(headOf(`${total.toLocaleString('en')} live codes, ${each} bytes each`))
    seeded = total
    if (isWanted('poll')) await report('poll', pollOf(total))
  }
  if (isWanted('create')) await report('create', create)
}

try {
  // Only what is measured is made: each part alone takes less than two minutes.
  if (isWanted('poll') || isWanted('create')) await flows()
  if (isWanted('cold') || isWanted('cached')) await resolves()
} finally {
  await rig.stop()
}
