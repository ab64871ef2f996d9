import { defineFeed } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { Uuid } from '../shared/vocabulary.ts'

export const ProviderChange = Type.Object({ kind: Type.Literal('provider'), id: Uuid })
export type ProviderChange = Static<typeof ProviderChange>

export const providerChanges = defineFeed({
  subject: 'mcp-provider.changes.v1',
  readers: ['mcp-provider', 'tool-invoker'],
  change: ProviderChange
})
