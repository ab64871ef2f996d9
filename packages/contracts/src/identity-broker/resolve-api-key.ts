import { defineCall } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { ResolvedPrincipal } from '../shared/principal.ts'
import { CredentialHash, ExternalId } from '../shared/vocabulary.ts'

/**
 * Which app an API key belongs to; with `user_id` (ours, or what the app itself calls its user), also whether that app may
 * act for that user. The principal has our id.
 */
export const resolveApiKey = defineCall({
  subject: 'identity-broker.api-key.resolve.v1',
  callers: ['tool-invoker', 'mcp-provider', 'device-auth'],
  request: Type.Object({ key_hash: CredentialHash, user_id: Type.Optional(ExternalId) }),
  reply: ResolvedPrincipal,
  errors: ['invalid_bearer', 'policy_denied', 'no_refresh_token']
})
