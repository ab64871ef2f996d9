import { parseArgs } from 'node:util'
import { withClient } from '@onbehalf/testkit'
import { lineOf, measure } from './bench/mints/load.ts'
import { residentMegabytes } from './bench/mints/processor.ts'
import { startRig } from './bench/mints/rig.ts'
import { seedGrants } from './bench/mints/seed.ts'

// Mints per second of one identity-broker on one core: `npm run bench:mints`, on a quiet machine with two cores; for a
// look `npm run bench:mints -- --quick`. The load, the IdP and the servers share the other core: each line tells how
// much of it they took, and what the broker spent on one mint whatever they did.
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    grants: { type: 'string' },
    seconds: { type: 'string' },
    'in-flight': { type: 'string' },
    /** Which of `kinds`. */
    only: { type: 'string' },
    profile: { type: 'string' }
  }
})
const isQuick = values.quick
const seconds = Number(values.seconds ?? (isQuick ? 2 : 8))
const sizes = (values.grants ?? (isQuick ? '10000' : '1,10000,1000000')).split(',').map(Number)
const loads = (values['in-flight'] ?? (isQuick ? '32' : '1,32,256')).split(',').map(Number)
const warmUp = { questions: 10_000, secondsMax: isQuick ? 15 : 30 }
/** Tickets last a minute, so no more people than one round of a measurement needs. */
const peopleMax = 2_000
const audience = 'https://tools.example/mcp'
const kept = { audience: `${audience}/kept`, mode: 'idp_token' }
/** `looked up`: the server refused another token than the kept one, so Postgres is asked which that is. */
const kinds = {
  cached: kept,
  signed: { audience: `${audience}/signed`, mode: 'signed' },
  'looked up': { ...kept, rejected_token_hash: 'A'.repeat(43) },
  refreshed: { audience, mode: 'idp_token' }
}
const wanted = Object.entries(kinds).filter(([name]) => !values.only || values.only.split(',').includes(name))

const rig = await startRig({ profile: values.profile })
const query = (text: string) => withClient(rig.adminUrl, async (client) => (await client.query(text)).rows)
const tellSize = async () => {
  const [size] = await query(
    `select count(*)::integer as total, pg_table_size('identity_broker."grant"') as table,
      pg_indexes_size('identity_broker."grant"') as indexes from identity_broker."grant"`
  )
  const bytes = (of: string) => Math.round(Number(size[of]) / size.total)
  const each = size.total < 1_000 ? '' : `, ${bytes('table')} bytes each and ${bytes('indexes')} in indexes`
  console.log(`\n${size.total.toLocaleString('en')} grants stored${each}`)
}

try {
  const [{ id: connection_id }] = await query('select id from identity_broker.connection')
  const place = { tenant_id: rig.tenant_id, connection_id, issuer: rig.issuer, adminUrl: rig.adminUrl }
  const resources = [audience, kept.audience]
  for (const total of sizes) {
    const people = await seedGrants(rig.config, { ...place, resources, total, usable: Math.min(peopleMax, total) })
    await tellSize()
    const fill = await rig.askerFor(people, kept)
    for (let done = 0; done < people.length; done += 32) await Promise.all(Array.from({ length: 32 }, fill))
    for (const inFlight of loads)
      for (const [name, want] of wanted) {
        // One refresh at a time and person: with fewer people than askers they would wait for each other.
        if (name === 'refreshed' && people.length < inFlight) continue
        const ask = await rig.askerFor(people, want)
        const load = { inFlight, seconds, warmUp }
        console.log(lineOf(`${name}, ${inFlight} in flight`, await measure(rig.pid, rig.others, ask, load)))
      }
    console.log(`identity-broker holds ${residentMegabytes(rig.pid)} MB`)
  }
  await tellSize()
} finally {
  await rig.stop()
}
