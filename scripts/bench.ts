import { mkdirSync } from 'node:fs'
import type { Part } from './bench/calls/part.ts'
import { cold } from './bench/calls/parts/cold.ts'
import { dead } from './bench/calls/parts/dead.ts'
import { events } from './bench/calls/parts/events.ts'
import { flame } from './bench/calls/parts/flame.ts'
import { providers, users } from './bench/calls/parts/many.ts'
import { large, openLoop, revoked, setting, signed, slow } from './bench/calls/parts/several.ts'
import { start } from './bench/calls/parts/start.ts'
import { warm } from './bench/calls/parts/warm.ts'
import { startRig } from './bench/calls/rig.ts'
import { isMet, lineOf, type Row } from './bench/calls/table.ts'
import { namesOf, numberOf, readOptions } from './bench/options.ts'

// What a call through tool-invoker costs, against the same call without it: `npm run bench`, on a quiet machine with two
// cores, five minutes; `npm run bench -- --quick` for a look, `-- --only warm,cold` for some of it. `-- --flame DIRECTORY`
// writes a CPU profile of warm calls, which the browser's developer tools and speedscope show as a flame graph.
const values = readOptions('npm run bench --', {
  quick: { type: 'boolean', default: false },
  /** Some of `all`. */
  only: { type: 'string' },
  flame: { type: 'string' },
  seconds: { type: 'string' },
  rounds: { type: 'string' },
  /** Users and providers, where there are many. */
  many: { type: 'string' }
})
const { quick, flame: directory } = values
const seconds = numberOf('--seconds', values.seconds ?? (quick ? 1 : 2))
const rounds = numberOf('--rounds', values.rounds ?? (quick ? 1 : 3))
const many = numberOf('--many', values.many ?? (quick ? 5_000 : 100_000))
const warmUpSeconds = quick ? 2 : 4

// The order is that of the day of a process: those that leave much behind come last.
const all: Record<string, Part> = {
  ...{ start, warm, signed, 'open-loop': openLoop, slow, large, events, setting, dead, cold, users, providers, revoked }
}
const wanted = namesOf('--only', values.only, Object.keys(all))
const parts = directory ? [['flame', flame(directory)] as const] : wanted.map((name) => [name, all[name]] as const)

const startedAt = performance.now()
const rig = await startRig({ peopleMax: many })
const rows: Row[] = []
try {
  const gateway = await rig.startGateway({ isInspected: directory !== undefined })
  if (directory) mkdirSync(directory, { recursive: true })
  for (const [name, part] of parts) {
    const told = (await part?.({ rig, gateway, seconds, rounds, warmUpSeconds, many })) ?? []
    console.log(`\n${name}`)
    for (const row of told) console.log(lineOf(row))
    rows.push(...told)
  }
} finally {
  await rig.stop()
}
const missed = rows.filter((row) => !isMet(row)).length
const took = ((performance.now() - startedAt) / 1_000).toFixed(0)
console.log(`\n${rows.length} figures in ${took} s, ${missed} of them beyond their target`)
