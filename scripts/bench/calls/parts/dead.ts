import { setTimeout as sleep } from 'node:timers/promises'
import type { Part } from '../part.ts'
import type { Gateway } from '../rig.ts'
import { median, type Row } from '../table.ts'
import { callText } from '../texts.ts'

const inFlight = 32
const deadInFlight = 64

/**
 * One server of the tenant answers nothing any more: what the calls to the others notice, while its callers wait as long
 * as they are told to, and while they do not.
 */
export const dead: Part = async (given) => {
  const polite = await besideDead(given, true)
  const { value, ...rest } = await besideDead(given, false)
  return [
    { ...polite, what: "one dead server: others' p99", target: 1.5 },
    { ...rest, value, what: "one dead server whose callers do not wait: others' p99" }
  ]
}

const besideDead = async (
  { rig, gateway, seconds, rounds }: Parameters<Part>[0],
  isPatient: boolean
): Promise<Omit<Row, 'what'>> => {
  const text = callText({ mode: 'idp_token' })
  const alone: number[] = []
  const beside: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    alone.push((await rig.measureGateway(gateway, () => text, { inFlight, seconds })).p99)
    const asking = askDead(gateway, performance.now() + seconds * 1_000, isPatient)
    beside.push((await rig.measureGateway(gateway, () => text, { inFlight, seconds })).p99)
    await asking
  }
  const note = `${median(alone).toFixed(2)} ms to ${median(beside).toFixed(2)} ms`
  return { value: median(beside) / median(alone), unit: 'times', note }
}

const askDead = async ({ connections }: Gateway, until: number, isPatient: boolean): Promise<void> => {
  const gone = callText({ mode: 'idp_token', way: 'dead' })
  const ask = async () => {
    while (performance.now() < until) {
      const { retryAfterSeconds } = await connections.ask(gone)
      const left = until - performance.now()
      if (isPatient && left > 0) await sleep(Math.min(left, retryAfterSeconds * 1_000))
    }
  }
  await Promise.all(Array.from({ length: deadInFlight }, ask))
}
