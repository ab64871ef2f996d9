import { residentMegabytes } from '../../processor.ts'
import type { Mode } from '../neighbours.ts'
import type { Given, Part } from '../part.ts'
import { median, type Row } from '../table.ts'
import { callText, directText } from '../texts.ts'

const modes: readonly Mode[] = ['off', 'idp_token', 'token_exchange']
const cpuTarget = 0.06
const shareTarget = 0.26

type Round = {
  cpu: number
  p50: number
  p99: number
  perSecond: number
  direct: { perSecond: number; p50: number; p99: number }
}

/** Warm calls, direct and through the gateway in turns: the same load, in the same minute. */
export const warm: Part = async (given) => {
  const { rig, gateway, warmUpSeconds } = given
  for (const mode of modes)
    await rig.measureGateway(gateway, () => callText({ mode }), { inFlight: 32, seconds: 0, warmUpSeconds })
  await rig.measureDirect(directText, { inFlight: 32, seconds: 0, warmUpSeconds: warmUpSeconds / 4 })
  const rows: Row[] = []
  for (const inFlight of [1, 32, 256]) {
    const rounds = await roundsOf(given, inFlight)
    for (const [mode, figures] of rounds) rows.push(...rowsOf(mode, inFlight, figures))
    if (inFlight === 256)
      rows.push({ what: 'memory at 256 in flight', value: residentMegabytes(gateway.pid), unit: 'MB', target: 230 })
  }
  return rows
}

const roundsOf = async ({ rig, gateway, seconds, rounds }: Given, inFlight: number) => {
  const all = new Map<Mode, Round[]>(modes.map((mode) => [mode, []]))
  const plain = directText()
  for (let round = 0; round < rounds; round += 1) {
    const direct = await rig.measureDirect(() => plain, { inFlight, seconds: seconds / 2 })
    for (const mode of modes) {
      const text = callText({ mode })
      const { cpuMicroseconds, ...figures } = await rig.measureGateway(gateway, () => text, { inFlight, seconds })
      all.get(mode)?.push({ ...figures, cpu: cpuMicroseconds / 1000, direct })
    }
  }
  return all
}

const rowsOf = (mode: Mode, inFlight: number, rounds: readonly Round[]): Row[] => {
  const of = (pick: (round: Round) => number) => median(rounds.map(pick))
  const name = `${mode}, ${inFlight} in flight`
  const cpu = { what: `${name}: CPU per call`, value: of(({ cpu: spent }) => spent), unit: 'ms', target: cpuTarget }
  if (inFlight === 1)
    return [
      cpu,
      { what: `${name}: added to p50`, value: of(({ p50, direct }) => p50 - direct.p50), unit: 'ms', target: 0.2 },
      { what: `${name}: added to p99`, value: of(({ p99, direct }) => p99 - direct.p99), unit: 'ms', target: 0.8 }
    ]
  const note = `${told(of(({ perSecond }) => perSecond))}/s, direct ${told(of(({ direct }) => direct.perSecond))}/s`
  const share = of(({ perSecond, direct }) => perSecond / direct.perSecond)
  return [cpu, { what: `${name}: of direct`, value: share, unit: '', target: shareTarget, isLeast: true, note }]
}

const told = (value: number) => Math.round(value).toLocaleString('en')
