import { defineFeed } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { Uuid } from '../shared/vocabulary.ts'

/** `provider`: how it is reached, or whether at all; `tools`: only what its catalogue says. */
export const ProviderChange = Type.Object({
  kind: Type.Union([Type.Literal('provider'), Type.Literal('tools')]),
  id: Uuid,
  /** Left out by a replica that is older. */
  tenant_id: Type.Optional(Uuid)
})
export type ProviderChange = Static<typeof ProviderChange>

export const providerChanges = defineFeed({
  subject: 'mcp-provider.changes.v1',
  readers: ['mcp-provider', 'tool-invoker'],
  change: ProviderChange
})
