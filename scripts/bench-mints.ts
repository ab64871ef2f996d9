import { parseArgs } from 'node:util'
import { withClient } from '@onbehalf/testkit'
import { lineOf, measure, residentMegabytes } from './bench/mints/load.ts'
import { startRig } from './bench/mints/rig.ts'
import { seedGrants } from './bench/mints/seed.ts'

// Mints per second of one identity-broker on one core: `npm run bench:mints -- [--seconds 4] [--grants 1,10000,1000000]`,
// on a quiet machine with two cores.
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '4' }, grants: { type: 'string', default: '1,10000,1000000' } }
})
const seconds = Number(values.seconds)
/** Tickets last a minute, so no more people than one round of a measurement needs. */
const peopleMax = 2_000

const rig = await startRig()
const query = (text: string) => withClient(rig.adminUrl, async (client) => (await client.query(text)).rows)

try {
  const [{ id: connection_id }] = await query('select id from identity_broker.connection')
  const audience = 'https://tools.example/mcp'
  const place = { tenant_id: rig.tenant_id, connection_id, issuer: rig.issuer, adminUrl: rig.adminUrl }
  let stored = 0
  for (const grants of values.grants.split(',').map(Number)) {
    const usable = Math.min(peopleMax, grants - stored)
    const seeded = (resource: string, total: number) =>
      seedGrants(rig.config, { ...place, audience: resource, total, usable: Math.min(usable, total) })
    const keptBy = await seeded(`${audience}/kept`, Math.min(usable, grants - stored))
    const refreshedBy = await seeded(audience, Math.max(1, grants - stored - keptBy.length))
    stored = grants
    const [size] = await query(
      `select pg_total_relation_size('identity_broker."grant"') / count(*) as bytes from identity_broker."grant"`
    )
    console.log(`\n${grants.toLocaleString('en')} grants stored, ${size.bytes} bytes each with its indexes`)
    for (const inFlight of [1, 32, 256]) {
      const kept = await rig.askerFor(keptBy, { audience: `${audience}/kept`, mode: 'idp_token' })
      for (const _ of keptBy) await kept()
      const limits = { inFlight, seconds }
      console.log(lineOf(`cached, ${inFlight} in flight`, await measure(rig.pid, kept, limits)))
      const signed = await rig.askerFor(keptBy, { audience: `${audience}/signed`, mode: 'signed' })
      console.log(lineOf(`signed, ${inFlight} in flight`, await measure(rig.pid, signed, limits)))
      // One refresh at a time and person: with fewer people than askers they would wait for each other.
      if (refreshedBy.length < inFlight) continue
      const refreshed = await rig.askerFor(refreshedBy, { audience, mode: 'idp_token' })
      console.log(lineOf(`refreshed, ${inFlight} in flight`, await measure(rig.pid, refreshed, limits)))
    }
    console.log(`identity-broker holds ${residentMegabytes(rig.pid)} MB`)
  }
} finally {
  await rig.stop()
}
