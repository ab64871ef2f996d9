import { defineFeed } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { Uuid } from '../shared/vocabulary.ts'

export const DeviceChange = Type.Object({ kind: Type.Literal('device_token'), id: Uuid })
export type DeviceChange = Static<typeof DeviceChange>

export const deviceChanges = defineFeed({
  subject: 'device-auth.changes.v1',
  readers: ['device-auth', 'identity-broker', 'mcp-provider', 'tool-invoker'],
  change: DeviceChange
})
