import { parseArgs } from 'node:util'
import { explore, simulate, Violation } from './simulate.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' }
  }
})

const say = (line: string) => {
  process.stdout.write(`${line}\n`)
}

/** Makes many runs, or tells what happens in the one of a seed. */
const run = async (): Promise<void> => {
  if (values.seed !== undefined) return simulate(Number(values.seed), say)
  const [from, runs] = [Number(values.from), Number(values.runs)]
  const { cpuMs } = await explore({ from, runs })
  say(`${runs} interleavings from seed ${from}, ${Math.round(runs / (cpuMs / 1000))} per second: every promise held`)
}

await run().catch((error: unknown) => {
  if (!(error instanceof Violation)) throw error
  process.exitCode = 1
  say(error.message)
  if (values.seed === undefined) say(`see it with: npm run simulate -- --seed ${error.seed}`)
})
