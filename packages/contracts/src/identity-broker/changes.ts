import { defineFeed } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { Uuid } from '../shared/vocabulary.ts'

/** What no longer holds of what identity-broker told others; `grant` also when only its minted tokens were emptied. */
export const IdentityChange = Type.Object({
  kind: Type.Union([
    Type.Literal('session'),
    Type.Literal('user'),
    Type.Literal('app'),
    Type.Literal('grant'),
    Type.Literal('connection')
  ]),
  id: Uuid
})
export type IdentityChange = Static<typeof IdentityChange>

export const identityChanges = defineFeed({
  subject: 'identity-broker.changes.v1',
  readers: ['identity-broker', 'mcp-provider', 'tool-invoker', 'device-auth'],
  change: IdentityChange
})
