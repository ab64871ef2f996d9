import { join } from 'node:path'
import { startProfile } from '../../inspector.ts'
import type { Part } from '../part.ts'
import { callText } from '../texts.ts'

/** A CPU profile of warm calls, once everything is compiled. */
export const flame =
  (directory: string): Part =>
  async ({ rig, gateway, seconds, warmUpSeconds }) => {
    const text = callText({ mode: 'idp_token' })
    await rig.measureGateway(gateway, () => text, { inFlight: 32, seconds: 0, warmUpSeconds: warmUpSeconds * 3 })
    const file = join(directory, 'warm.cpuprofile')
    const profile = await startProfile(gateway.inspectorPort, file)
    const { cpuMicroseconds } = await rig.measureGateway(gateway, () => text, { inFlight: 32, seconds: seconds * 2 })
    await profile.stop()
    return [{ what: 'warm calls, profiled: CPU per call', value: cpuMicroseconds / 1_000, unit: 'ms', note: file }]
  }
