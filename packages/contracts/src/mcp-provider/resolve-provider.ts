import { defineCall, defineTicket } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { Ticket } from '../shared/principal.ts'
import { ModeName, ServerIdentifier, Uuid } from '../shared/vocabulary.ts'

/** What a token is for; signed by mcp-provider. */
export const ProviderStatement = Type.Object({
  tenant_id: Uuid,
  provider_id: Uuid,
  revision: Type.Integer({ minimum: 1 }),
  server_identifier: ServerIdentifier,
  audience: Type.String(),
  mode: ModeName,
  scopes: Type.Array(Type.String()),
  /** The exception: `idp_token` forwards the ID token, which is for our client and not for this server. */
  forward_id_token: Type.Optional(Type.Boolean())
})
export type ProviderStatement = Static<typeof ProviderStatement>

export const providerTicket = defineTicket({
  type: 'onbehalf-provider+jwt',
  issuers: ['mcp-provider'],
  claims: ProviderStatement
})

/** How to reach a provider of the principal's tenant. Forwarding is on exactly when `mode` is not `off`. */
export const ProviderSettings = Type.Object({
  provider_id: Uuid,
  tenant_id: Uuid,
  /** Grows with every change, so that what was made for an older revision is told apart. */
  revision: Type.Integer({ minimum: 1 }),
  server_identifier: ServerIdentifier,
  name: Type.String(),
  server_url: Type.String(),
  /** The provider's own headers, in clear: sent when no identity is forwarded, and without Authorization when one is. */
  headers: Type.Record(Type.String(), Type.String()),
  mode: ModeName,
  audience: Type.String(),
  /** Seconds. */
  timeout: Type.Number(),
  /** Seconds. */
  sse_read_timeout: Type.Number(),
  /** Whether the arguments of its calls are kept with their records. */
  keep_arguments: Type.Optional(Type.Boolean())
})
export type ProviderSettings = Static<typeof ProviderSettings>

export const resolveProvider = defineCall({
  subject: 'mcp-provider.provider.resolve.v1',
  callers: ['tool-invoker'],
  request: Type.Object({ principal: Ticket, server_identifier: ServerIdentifier }),
  reply: Type.Object({ settings: ProviderSettings, ticket: Ticket }),
  errors: ['not_found', 'policy_denied']
})
