import { defineCall, defineTicket } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { Ticket } from '../shared/principal.ts'
import { CredentialHash, UnixSeconds, Uuid } from '../shared/vocabulary.ts'

/** What ties the flow of a device to one browser, through the IdP and back. */
const flow = {
  /** HMAC of the user code: the code itself goes to nobody. */
  user_code_hash: Type.String({ pattern: '^[A-Za-z0-9_-]{22,43}$' }),
  /** Works once; the hash of what the browser holds. */
  nonce: CredentialHash
}

/** device-auth asks for somebody to be identified; they come back to `return_url` with an assertion, or with a word why not. */
export const deviceSsoState = defineTicket({
  type: 'onbehalf-device-sso-state+jwt',
  audience: 'onbehalf:identity-broker:device-sso',
  issuers: ['device-auth'],
  claims: Type.Object({
    intent: Type.Literal('device_flow'),
    ...flow,
    return_url: Type.String({ format: 'uri', maxLength: 255 }),
    /** By its short name or id; left out where there is just one. */
    tenant: Type.Optional(Type.String({ pattern: '^[a-z0-9-]{1,64}$' })),
    /** By its name; left out: the tenant's first. */
    connection: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    /** How many seconds ago somebody may have signed in there (OIDC Core §3.1.2.1). */
    max_age: Type.Optional(Type.Integer({ minimum: 0 }))
  })
})
export type DeviceSsoState = Static<typeof deviceSsoState.claims>

/** identity-broker says whom an IdP identified, for one flow. */
export const externalSubjectAssertion = defineTicket({
  type: 'onbehalf-external-subject+jwt',
  audience: 'onbehalf:device-auth:external-subject',
  issuers: ['identity-broker'],
  claims: Type.Object({
    tenant_id: Uuid,
    user_id: Uuid,
    /** Verified by the IdP. */
    email: Type.String({ minLength: 3, maxLength: 320, pattern: '^[^\\s@]+@[^\\s@]+$' }),
    issuer: Type.String({ minLength: 1, maxLength: 2048, pattern: '\\S' }),
    /** When they signed in there; left out where it did not say. */
    auth_time: Type.Optional(UnixSeconds),
    ...flow
  })
})
export type ExternalSubject = Static<typeof externalSubjectAssertion.claims>

/** Where a browser goes to be identified by an IdP, and the cookie it has to hold when it comes back. */
export const startDeviceSso = defineCall({
  subject: 'identity-broker.device-sso.start.v1',
  callers: ['device-auth'],
  request: Type.Object({ state: Ticket }),
  reply: Type.Object({
    url: Type.String({ format: 'uri' }),
    cookie: Type.Object({
      name: Type.String({ pattern: '^(__Host-)?onbehalf_sign_in_[\\w-]+$' }),
      value: Type.String(),
      max_age: Type.Integer({ minimum: 1 })
    })
  }),
  errors: ['not_found', 'policy_denied', 'identity_provider_unavailable']
})
