import { defineCall } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { Uuid } from '../shared/vocabulary.ts'

/** The authorization server of an MCP server (RFC 9728, RFC 8414), and our client there. */
export const ProviderAuthorization = Type.Object({
  issuer: Type.String(),
  token_endpoint: Type.String(),
  client_id: Type.String(),
  client_secret: Type.Union([Type.String(), Type.Null()]),
  client_authentication: Type.Union([Type.Literal('basic'), Type.Literal('post'), Type.Literal('none')])
})
export type ProviderAuthorization = Static<typeof ProviderAuthorization>

/** Where `id_jag` gets the token of a provider; identity-broker asks after it has verified what it mints for. */
export const findAuthorization = defineCall({
  subject: 'mcp-provider.authorization.find.v1',
  callers: ['identity-broker'],
  request: Type.Object({ tenant_id: Uuid, provider_id: Uuid }),
  reply: ProviderAuthorization,
  errors: ['not_found', 'audience_not_supported', 'upstream_unavailable']
})
