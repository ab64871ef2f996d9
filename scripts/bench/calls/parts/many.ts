import { heapBytes } from '../../inspector.ts'
import type { Given, Part } from '../part.ts'
import type { Row } from '../table.ts'
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

const compare = async ({ rig, seconds, many, warmUpSeconds }: Given, compared: Compared): Promise<Row[]> => {
  const { of, textOf, cpuTarget, bytesTarget } = compared
  const texts = Array.from({ length: many }, (_, number) => textOf(number))
  const only = texts[0] ?? ''
  let at = 0
  const next = () => {
    at = (at + 1) % many
    return texts[at] ?? only
  }
  const gateway = await rig.startGateway({ isInspected: true })
  try {
    await rig.measureGateway(gateway, () => only, { inFlight, seconds: 0, warmUpSeconds: warmUpSeconds * 2 })
    const one = await rig.measureGateway(gateway, () => only, { inFlight, seconds })
    const before = await heapBytes(gateway.inspectorPort)
    const startedAt = performance.now()
    await rig.askEach(gateway, texts, inFlight)
    const filled = `${many.toLocaleString('en')} in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`
    const each = ((await heapBytes(gateway.inspectorPort)) - before) / many
    const all = await rig.measureGateway(gateway, next, { inFlight, seconds })
    const more = (all.cpuMicroseconds / one.cpuMicroseconds - 1) * 100
    const note = `${one.cpuMicroseconds.toFixed(0)} µs to ${all.cpuMicroseconds.toFixed(0)} µs`
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
        note: filled
      }
    ]
  } finally {
    await gateway.stop()
  }
}
