import { defineCall } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { Ticket } from '../shared/principal.ts'
import { CredentialHash, UnixSeconds, Uuid } from '../shared/vocabulary.ts'

/** What a server's own authorization server gave: for the user, or else for the tenant. */
export const FreshCredential = Type.Object({
  id: Uuid,
  token: Type.String(),
  /** Null where nobody said when it ends. */
  expires_at: Type.Union([UnixSeconds, Type.Null()])
})
export type FreshCredential = Static<typeof FreshCredential>

/**
 * What to send to the provider's server where no identity is forwarded; null: the provider's headers alone. Tenant, user
 * and provider come from the two tickets and from nowhere else; their tenants must agree.
 */
export const freshCredential = defineCall({
  subject: 'mcp-provider.credential.fresh.v1',
  callers: ['tool-invoker'],
  request: Type.Object({
    principal: Ticket,
    provider: Ticket,
    /** What the server refused a call with: 401, or 403 for want of a scope. */
    refused: Type.Optional(
      Type.Object({
        status: Type.Union([Type.Literal(401), Type.Literal(403)]),
        /** Its WWW-Authenticate. */
        challenge: Type.Optional(Type.String({ maxLength: 4096 })),
        /** Of the token it refused, where it was sent one. */
        token_hash: Type.Optional(CredentialHash)
      })
    )
  }),
  reply: Type.Object({ credential: Type.Union([FreshCredential, Type.Null()]) }),
  errors: [
    'upstream_authorization_required',
    'upstream_insufficient_scope',
    'upstream_unavailable',
    'policy_denied',
    'not_found'
  ]
})
