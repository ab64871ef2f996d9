import { ReportedError } from '@onbehalf/errors'
import { type AuditEvent, hashOf, newId } from '@onbehalf/service-kit'
import { deviceEvent } from '../audit/event.ts'
import type { SignInFacts } from '../database.ts'
import { type FoundUser, type Users, userOrNobody } from '../users/find.ts'
import { accountIssuer, kinds, makeToken, type Prefix } from './kinds.ts'
import type { Stored, TokenStore } from './store.ts'
import { describeSubject } from './subject.ts'

export type MintTools = {
  tokens: Pick<TokenStore, 'rotate'>
  users: Pick<Users, 'ask'>
  /** Whether external users may sign devices in now. */
  coversSso: () => boolean
  /** Tells every reader that what they hold of a token no longer counts. */
  announce: (id: string) => void
}

/** Who approved what. */
export type Approval = {
  tenant_id: string
  user_id: string
  /** The verified issuer of an external user's IdP; left out for a member. */
  subject_issuer?: string
  client_id: string
  device_label: string
  created_ip: string
}

type Collector = { ip: string; request_id: string }

export type Mint = (approval: Approval, collector: Collector) => Promise<Minted>
export type Minted = Awaited<ReturnType<typeof mint>>

/**
 * Makes the token that was approved, for a person who is still what they were then, in the place of the one their
 * device has. Until that is committed the old one works.
 */
export const mint = async (approval: Approval, collector: Collector, tools: MintTools) => {
  const { tenant_id, user_id, client_id, device_label, subject_issuer } = approval
  const prefix = subject_issuer === undefined ? 'dfoa_' : 'dfoe_'
  const approver = await approverOf(approval, prefix, tools)
  const issuer = subject_issuer ?? accountIssuer
  const { token, token_hash } = makeToken(prefix, issuer)
  const row = { id: newId(), tenant_id, user_id, issuer, client_id, device_label, prefix, token_hash }
  const stored = await tools.tokens.rotate(row, (kept) => ({
    events: eventsOf(kept, prefix, approval, collector),
    facts: factsOf(kept, prefix, approval, { sign_in: hashOf(token_hash), ip: collector.ip })
  }))
  tools.announce(stored.id)
  return { ...describeSubject(approver, subject_issuer), ...describeToken(token, prefix, stored) }
}

const approverOf = async (
  { tenant_id, user_id, subject_issuer }: Approval,
  prefix: Prefix,
  { users, coversSso }: MintTools
): Promise<FoundUser> => {
  const found = await userOrNobody(users.ask({ tenant_id, user_id }))
  const isExternal =
    coversSso() &&
    found?.issuer === subject_issuer &&
    found?.email_belongs_to_member === false &&
    kinds.dfoe_.isFor(found.role)
  if (found && (prefix === 'dfoe_' ? isExternal : kinds.dfoa_.isFor(found.role))) return found
  throw new ReportedError('access_denied', 'Who approved this may not sign this device in any more. Sign in again.')
}

const describeToken = (token: string, prefix: Prefix, { id, expires_at }: Stored) => ({
  token,
  token_id: id,
  expires_at: expires_at.toISOString(),
  // RFC 6749 §5.1
  access_token: token,
  token_type: 'Bearer' as const,
  expires_in: Math.floor((expires_at.getTime() - Date.now()) / 1000),
  scope: kinds[prefix].scopes.join(' ')
})

const eventsOf = (
  { id: token_id, expires_at }: Stored,
  prefix: Prefix,
  approval: Approval,
  { ip, request_id }: Collector
): AuditEvent[] => {
  const { tenant_id, user_id: actor_user_id, client_id, device_label, created_ip, subject_issuer } = approval
  const { subject_type, scopes } = kinds[prefix]
  const facts = { tenant_id, actor_user_id, token_id, ip, request_id }
  const device = { client_id, device_label }
  const whose = { subject_type, ...(subject_issuer === undefined ? {} : { subject_issuer }) }
  const details = { ...device, ...whose, scopes, expires_at: expires_at.toISOString() }
  const issued = deviceEvent({ ...facts, event: 'oauth.token_issued', details })
  if (ip === created_ip) return [issued]
  const elsewhere = { ...device, creation_ip: created_ip, poll_ip: ip }
  return [issued, deviceEvent({ ...facts, event: 'oauth.device_code_cross_ip_poll', details: elsewhere })]
}

const factsOf = (
  { id: token_id, expires_at }: Stored,
  prefix: Prefix,
  { user_id, client_id, device_label, created_ip, subject_issuer }: Approval,
  where: { sign_in: string; ip: string }
): SignInFacts => ({
  ...{ token_id, user_id, client_id, device_label, ...where, started_from_ip: created_ip },
  subject_type: kinds[prefix].subject_type,
  ...(subject_issuer === undefined ? {} : { subject_issuer }),
  expires_at: expires_at.toISOString()
})
