import { withClient } from '@onbehalf/testkit'
import { lineOf, measure } from './bench/load.ts'
import { idpTimeOf } from './bench/mints/idp-time.ts'
import { peopleFor } from './bench/mints/people.ts'
import { demoPeople, isIdpName, startRig } from './bench/mints/rig.ts'
import { verdictOn, verdictOnGrowth, verdictOnRow } from './bench/mints/targets.ts'
import { endWith, namesOf, numberOf, numbersOf, readOptions } from './bench/options.ts'
import { residentMegabytes } from './bench/processor.ts'

// Mints per second of one identity-broker on one core: `npm run bench:mints`, on a quiet machine with two cores; for a
// look `npm run bench:mints -- --quick`. With `--idp demo` it is refreshes against the IdP of the demo, of people who signed in. The load, the IdP and the servers share the other core: each line tells how
// much of it they took, and what the broker spent on one mint whatever they did.
const values = readOptions('npm run bench:mints --', {
  quick: { type: 'boolean', default: false },
  grants: { type: 'string' },
  seconds: { type: 'string' },
  'in-flight': { type: 'string' },
  /** Which of `kinds`. */
  only: { type: 'string' },
  /** `quick`, which answers at once, or `demo`. */
  idp: { type: 'string', default: 'quick' },
  profile: { type: 'string' }
})
const { quick: isQuick, idp } = values
const idpName = isIdpName(idp) ? idp : endWith(`--idp: must be quick or demo, and not ${idp}`)
const isDemo = idpName === 'demo'
const seconds = numberOf('--seconds', values.seconds ?? (isQuick ? 2 : 8))
const stored = numbersOf('--grants', values.grants ?? (isQuick ? '10000' : '1,10000,1000000'))
const sizes = isDemo ? [demoPeople] : stored
const loads = numbersOf('--in-flight', values['in-flight'] ?? (isQuick ? '32' : '1,32,256'))
/** After 10,000 cached ones cost a quarter more than after 40,000: until then V8 still compiles. */
const warmUpMax = { questions: 40_000, secondsMax: isQuick ? 5 : 15 }
/** Tickets last a minute, so no more people than one round of a measurement needs. */
const peopleMax = 2_000
const audience = 'https://tools.example/mcp'
const kept = { audience: `${audience}/kept`, mode: 'idp_token' }
/** `lookup`: the server refused another token than the kept one, so Postgres is asked which that is. */
const kinds = {
  cached: kept,
  signed: { audience: `${audience}/signed`, mode: 'signed' },
  lookup: { ...kept, rejected_token_hash: 'A'.repeat(43) },
  refreshed: { audience, mode: 'idp_token' }
}
const only = namesOf('--only', isDemo ? 'refreshed' : values.only, Object.keys(kinds))
const wanted = Object.entries(kinds).filter(([name]) => only.includes(name))
const alone = new Map<string, number[]>()

const rig = await startRig({ profile: values.profile, idpName })
const query = (text: string) => withClient(rig.adminUrl, async (client) => (await client.query(text)).rows)
const tellSize = async () => {
  const [size] = await query(
    `select count(*)::integer as total, pg_table_size('identity_broker."grant"') as table,
      pg_indexes_size('identity_broker."grant"') as indexes from identity_broker."grant"`
  )
  const [table = 0, indexes = 0] = [size.table, size.indexes].map((of) => Math.round(Number(of) / size.total))
  // Of fewer, most is room that a page of their own has left.
  const told = `, ${table} bytes each and ${indexes} in indexes: ${verdictOnRow(table + indexes)}`
  console.log(`\n${size.total.toLocaleString('en')} grants stored${size.total < 100_000 ? '' : told}`)
}

try {
  const resources = [audience, kept.audience]
  for (const total of sizes) {
    const usable = Math.min(peopleMax, total)
    const { people, refreshToken } = await peopleFor(rig, { total, usable, audience, resources })
    await tellSize()
    const asked = { issuer: rig.issuer, resource: audience, refreshToken, times: isDemo ? 300 : 1_000 }
    const idpMs = await idpTimeOf(asked)
    console.log(`the ${idpName} IdP was asked; its own time for a refresh is ${idpMs.toFixed(2)} ms`)
    if (!isDemo) {
      const fill = await rig.askerFor(people, kept)
      await fill({ endsAt: performance.now() + 60_000, questions: people.length }, Math.min(32, people.length))
    }
    for (const inFlight of loads)
      for (const [name, want] of wanted) {
        // One refresh at a time and person: with fewer people than askers they would wait for each other.
        if (name === 'refreshed' && people.length < inFlight) continue
        const ask = await rig.askerFor(people, want)
        const warmUp = { ...warmUpMax, inFlight: Math.min(Math.max(32, inFlight), people.length) }
        const figures = await measure(rig.pid, rig.others, ask, { inFlight, seconds, warmUp })
        // What more than one at a time comes to is measured against an IdP that answers at once.
        const verdict = isDemo && inFlight > 1 ? '' : verdictOn(name, inFlight, { ...figures, idpMs })
        console.log(lineOf(`${name}, ${inFlight} in flight`, figures), verdict)
        if (inFlight === 1) alone.set(name, [...(alone.get(name) ?? []), figures.p50])
      }
    console.log(`identity-broker holds ${residentMegabytes(rig.pid)} MB`)
  }
  await tellSize()
  for (const name of ['lookup', 'refreshed']) {
    const verdict = verdictOnGrowth(name, alone.get(name) ?? [])
    if (verdict) console.log(verdict)
  }
} finally {
  await rig.stop()
}
