import { setTimeout as sleep } from 'node:timers/promises'
import { withClient } from '@onbehalf/testkit'
import { lineOf, measure } from './bench/load.ts'
import { namesOf, numberOf, numbersOf, readOptions } from './bench/options.ts'
import { residentMegabytes } from './bench/processor.ts'
import { type Kind, startRig } from './bench/providers/rig.ts'
import { seedProviders } from './bench/providers/seed.ts'

// Questions to one mcp-provider per second on one core, and how long it takes to list the tools of 1,000 servers anew:
// `npm run bench:providers`, on a quiet machine with two cores; for a look `npm run bench:providers -- --quick`.
const values = readOptions('npm run bench:providers --', {
  quick: { type: 'boolean', default: false },
  providers: { type: 'string' },
  seconds: { type: 'string' },
  'in-flight': { type: 'string' },
  /** Which of `kinds`. */
  only: { type: 'string' },
  profile: { type: 'string' }
})
const isQuick = values.quick
const seconds = numberOf('--seconds', values.seconds ?? (isQuick ? 1 : 4))
const sizes = numbersOf('--providers', values.providers ?? (isQuick ? '10,1000' : '10,1000,100000'))
const loads = numbersOf('--in-flight', values['in-flight'] ?? '1,32,256')
/** Before the first row of a size, and before each row. */
const warmUps = {
  size: { questions: isQuick ? 3_000 : 30_000, seconds: isQuick ? 3 : 15, inFlight: 32 },
  row: { questions: 1_000, secondsMax: 2 }
}
const kinds: readonly Kind[] = ['provider.resolve', 'tool.find', 'tool.list', 'tool.list of one']
const wanted = namesOf('--only', values.only, kinds)
/** Tickets last a minute; so many providers are asked about, from all over the table. */
const usableMax = 1_000

const rig = await startRig({ profile: values.profile })
const query = (text: string) => withClient(rig.adminUrl, async (client) => (await client.query(text)).rows)
const perSecond = new Map<string, number[]>()

/** Makes all due that are asked about, one of them slow, and waits for the others. */
const refreshAll = async (usable: readonly { id: string }[]) => {
  const [first] = usable
  const ids = usable.map(({ id }) => `'${id}'`).join(',')
  const listed = `from mcp_provider.provider where id in (${ids}) and tools_listed_at >`
  const [{ now }] = await query('select now()::text as now')
  await query(`update mcp_provider.provider set tools_due_at = now() where id in (${ids})`)
  const startedAt = performance.now()
  for (;;) {
    const [{ done }] = await query(`select count(*)::integer as done ${listed} '${now}'`)
    if (done >= usable.length - 1 || performance.now() - startedAt > 120_000) {
      const [{ slow }] = await query(`select count(*)::integer as slow ${listed} '${now}' and id = '${first?.id}'`)
      const took = ((performance.now() - startedAt) / 1000).toFixed(1)
      return `${done} of ${usable.length} servers listed anew in ${took} s; the slow one ${slow ? 'too' : 'not yet'}`
    }
    await sleep(100)
  }
}

try {
  for (const total of sizes) {
    const { tenant_id, origin, adminUrl } = rig
    const usable = Math.min(usableMax, total)
    const providers = await seedProviders(rig.config, { adminUrl, tenant_id, origin, total, usable })
    console.log(`\n${total.toLocaleString('en')} providers with 20 tools each`)
    for (const kind of wanted) {
      const { questions, seconds: secondsMax, inFlight } = warmUps.size
      const warmUp = await rig.askerFor(kind, providers)
      await warmUp({ endsAt: performance.now() + secondsMax * 1000, questions }, inFlight)
    }
    for (const inFlight of loads)
      for (const kind of wanted) {
        const figures = await measure(rig.pid, rig.others, await rig.askerFor(kind, providers), {
          ...{ inFlight, seconds, warmUp: warmUps.row }
        })
        const name = `${kind}, ${inFlight} in flight`
        perSecond.set(name, [...(perSecond.get(name) ?? []), figures.perSecond])
        console.log(lineOf(name, figures))
      }
    console.log(`mcp-provider holds ${residentMegabytes(rig.pid)} MB`)
    if (total === usableMax) console.log(await refreshAll(providers))
  }
  console.log('\nfewest to most providers')
  for (const [name, [least = 0, ...rest]] of perSecond)
    console.log(`${name.padEnd(32)} ${(least / (rest.at(-1) ?? least)).toFixed(2)} times as long`)
} finally {
  await rig.stop()
}
