import { heapBytes } from '../../inspector.ts'
import type { Given, Part } from '../part.ts'
import { median, type Row } from '../table.ts'
import { callText } from '../texts.ts'

const inFlight = 64

/** One user, and then as many as are held at once. */
export const users: Part = (given) =>
  compare(given, {
    of: 'users',
    textOf: (person) => callText({ mode: 'idp_token', person }),
    cpuTarget: 30,
    bytesTarget: 1_024
  })

/** One provider, and then as many as are held at once. */
export const providers: Part = (given) =>
  compare(given, { of: 'providers', textOf: (provider) => callText({ mode: 'idp_token', provider }), cpuTarget: 10 })

type Compared = { of: string; textOf: (number: number) => string; cpuTarget: number; bytesTarget?: number }

// What was asked for is asked for anew 20 s later, and held for 30.
const [freshMs, heldMs] = [18_000, 30_000]

const compare = async ({ rig, seconds, rounds, many, warmUpSeconds }: Given, compared: Compared): Promise<Row[]> => {
  const { of, textOf, cpuTarget, bytesTarget } = compared
  const texts = Array.from({ length: many }, (_, number) => textOf(number))
  const only = texts[0] ?? ''
  const gateway = await rig.startGateway({ isInspected: true })
  try {
    const warmUp = () =>
      rig.measureGateway(gateway, () => only, { inFlight, seconds: 0, warmUpSeconds: warmUpSeconds * 2 })
    const cpuOf = async (next: () => string): Promise<number> => {
      const spent: number[] = []
      for (let round = 0; round < rounds; round += 1)
        spent.push((await rig.measureGateway(gateway, next, { inFlight, seconds })).cpuMicroseconds)
      return median(spent)
    }
    await warmUp()
    const before = await heapBytes(gateway.inspectorPort)
    // That collects compiled code as well: calls take half as much again for two seconds.
    await warmUp()
    const one = await cpuOf(() => only)
    const startedAt = performance.now()
    const answeredAt = await rig.askEach(gateway, texts, inFlight)
    const filled = `${many.toLocaleString('en')} in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`
    const since = (ms: number) => answeredAt.filter((at) => at > performance.now() - ms).length
    const fresh = texts.slice(-since(Math.max(1_000, freshMs - rounds * seconds * 1_000)))
    let at = 0
    const next = () => {
      at = (at + 1) % fresh.length
      return fresh[at] ?? only
    }
    const all = await cpuOf(next)
    const held = since(heldMs)
    const each = ((await heapBytes(gateway.inspectorPort)) - before) / held
    const more = (all / one - 1) * 100
    const times = `${one.toFixed(0)} µs to ${all.toFixed(0)} µs`
    const note = `${times}, calling the ${fresh.length.toLocaleString('en')} that came last`
    const bytes = bytesTarget === undefined ? {} : { target: bytesTarget }
    return [
      {
        what: `1 to ${many.toLocaleString('en')} ${of}: more CPU per call`,
        value: more,
        unit: '%',
        target: cpuTarget,
        note
      },
      {
        what: `1 to ${many.toLocaleString('en')} ${of}: heap for each`,
        value: each,
        unit: 'bytes',
        ...bytes,
        note: `${filled}, ${held.toLocaleString('en')} of them held`
      }
    ]
  } finally {
    await gateway.stop()
  }
}
