import { defineCall } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { ResolvedPrincipal } from '../shared/principal.ts'
import { CredentialHash } from '../shared/vocabulary.ts'

/** Whose device token has this hash. One answer for unknown, revoked and expired ones. */
export const resolveBearer = defineCall({
  subject: 'device-auth.bearer.resolve.v1',
  callers: ['identity-broker', 'mcp-provider', 'tool-invoker'],
  request: Type.Object({ token_hash: CredentialHash }),
  reply: ResolvedPrincipal,
  errors: ['invalid_bearer']
})
