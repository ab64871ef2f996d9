import type { Part } from '../part.ts'
import { median } from '../table.ts'
import { callText } from '../texts.ts'

const inFlight = 32
const deadInFlight = 64

/** One server of the tenant answers nothing any more: what the calls to the others notice. */
export const dead: Part = async ({ rig, gateway, seconds, rounds }) => {
  const text = callText({ mode: 'idp_token' })
  const gone = callText({ mode: 'idp_token', way: 'dead' })
  const alone: number[] = []
  const beside: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    alone.push((await rig.measureGateway(gateway, () => text, { inFlight, seconds })).p99)
    const until = performance.now() + seconds * 1_000
    const ask = async () => {
      while (performance.now() < until) await gateway.connections.ask(gone)
    }
    const asking = Promise.all(Array.from({ length: deadInFlight }, ask))
    beside.push((await rig.measureGateway(gateway, () => text, { inFlight, seconds })).p99)
    await asking
  }
  const note = `${median(alone).toFixed(2)} ms to ${median(beside).toFixed(2)} ms`
  return [
    { what: "one dead server: others' p99", value: median(beside) / median(alone), unit: 'times', target: 1.5, note }
  ]
}
