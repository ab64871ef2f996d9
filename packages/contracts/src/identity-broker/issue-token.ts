import { defineCall } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { Ticket } from '../shared/principal.ts'
import { CallBinding, CredentialHash, ModeName, UnixSeconds, Uuid } from '../shared/vocabulary.ts'

/**
 * A token for the principal's user at the provider's server. Tenant, user, audience, mode and scopes come from the
 * two tickets and from nowhere else; their tenants must agree.
 */
export const issueToken = defineCall({
  subject: 'identity-broker.token.issue.v1',
  callers: ['tool-invoker', 'mcp-provider'],
  request: Type.Object({
    principal: Ticket,
    provider: Ticket,
    /** The call it is for; left out where tools are listed. */
    call: Type.Optional(CallBinding),
    /** Hash of a token the MCP server answered 401 to: mint anew if that one is still the current one. */
    rejected_token_hash: Type.Optional(CredentialHash)
  }),
  reply: Type.Object({
    token: Type.String(),
    expires_at: UnixSeconds,
    /** False for tokens that are good for one call only. */
    reusable: Type.Boolean(),
    identity: Type.Object({
      mode: ModeName,
      user_id: Uuid,
      /** The subject that the token names. */
      subject: Type.String(),
      audience: Type.String(),
      jti: Type.Union([Type.String(), Type.Null()]),
      grant_id: Type.Union([Uuid, Type.Null()]),
      connection_id: Type.Union([Uuid, Type.Null()])
    })
  }),
  errors: [
    'user_required',
    'no_refresh_token',
    'resource_not_granted',
    'identity_refresh_rejected',
    'audience_not_allowed',
    'audience_not_supported',
    'policy_denied',
    'identity_provider_unavailable',
    'recording_unavailable'
  ]
})
