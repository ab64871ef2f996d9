import type { Part } from '../part.ts'
import { callText } from '../texts.ts'

/** Somebody else each time: device-auth and identity-broker are asked for each call, an IdP is not. */
export const cold: Part = async ({ rig, gateway, seconds, many, warmUpSeconds }) => {
  const warm = callText({ mode: 'idp_token' })
  let person = 0
  const next = () => {
    person = (person % (many - 1)) + 1
    return callText({ mode: 'idp_token', person })
  }
  const one = { inFlight: 1, seconds }
  await rig.measureGateway(gateway, next, { inFlight: 32, seconds: 0, warmUpSeconds })
  const held = await rig.measureGateway(gateway, () => warm, one)
  const alone = await rig.measureGateway(gateway, next, one)
  const { cpuMicroseconds, perSecond } = await rig.measureGateway(gateway, next, { inFlight: 32, seconds })
  const note = `${Math.round(perSecond).toLocaleString('en')}/s`
  return [
    { what: 'cold, 32 in flight: CPU per call', value: cpuMicroseconds / 1000, unit: 'ms', target: 0.35, note },
    { what: 'cold, 1 in flight: added to the warm p50', value: alone.p50 - held.p50, unit: 'ms', target: 0.8 }
  ]
}
