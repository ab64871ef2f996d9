import { defineTicket } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { Role, UnixSeconds, Uuid } from './vocabulary.ts'

const Credential = Type.Object({
  kind: Type.Union([Type.Literal('session'), Type.Literal('device_token'), Type.Literal('api_key')]),
  id: Uuid
})

/**
 * A person of one tenant. `role` is null for somebody external: not a member, or asking with an external user's device
 * token (`dfoe_…`). They reach providers that are marked for external users, and nothing else.
 */
export const UserPrincipal = Type.Object({
  kind: Type.Literal('user'),
  tenant_id: Uuid,
  user_id: Uuid,
  role: Type.Union([Role, Type.Null()]),
  credential: Credential
})
export type UserPrincipal = Static<typeof UserPrincipal>

/** An application of one tenant; `user_id` is the user it was found to be allowed to act for in this request. */
export const AppPrincipal = Type.Object({
  kind: Type.Literal('app'),
  tenant_id: Uuid,
  app_id: Uuid,
  user_id: Type.Union([Uuid, Type.Null()]),
  /** That user's role, as in `UserPrincipal`; left out by replicas from before it was told. */
  user_role: Type.Optional(Type.Union([Role, Type.Null()])),
  /** What its API key was made for; words that a reader does not know open nothing. */
  scopes: Type.Array(Type.String()),
  credential: Credential
})
export type AppPrincipal = Static<typeof AppPrincipal>

/** Who is asking, after authentication. */
export const Principal = Type.Union([UserPrincipal, AppPrincipal])
export type Principal = Static<typeof Principal>

/** Whether this is a person without a role, or an app that acts for one: only what is marked for external users is there. */
export const isExternal = (principal: Principal): boolean =>
  principal.kind === 'user' ? principal.role === null : principal.user_id !== null && principal.user_role === null

/** Says who is asking; signed by the service that resolved the credential. */
export const principalTicket = defineTicket({
  type: 'onbehalf-principal+jwt',
  issuers: ['identity-broker', 'device-auth'],
  claims: Principal,
  // device-auth knows device tokens and nothing else.
  mayState: (issuer, { kind, credential }) =>
    issuer !== 'device-auth' || (kind === 'user' && credential.kind === 'device_token')
})

export const Ticket = Type.String({ minLength: 1, maxLength: 4096 })

/** What resolving a credential answers: the principal for the resolver's caller, the ticket for everybody else. */
export const ResolvedPrincipal = Type.Object({
  principal: Principal,
  ticket: Ticket,
  /** When the credential itself ends, in seconds since the epoch. */
  credential_expires_at: Type.Integer(),
  /**
   * When the IdP authenticated the user of a session (OIDC Core `auth_time`), in seconds since the epoch. Left out where it
   * did not say, and by replicas from before it was told.
   */
  auth_time: Type.Optional(UnixSeconds)
})
export type ResolvedPrincipal = Static<typeof ResolvedPrincipal>
