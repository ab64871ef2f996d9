import { ReportedError } from '@onbehalf/errors'
import { type AuditEvent, newId } from '@onbehalf/service-kit'
import { deviceEvent } from '../audit/event.ts'
import { type Member, memberOrNobody, type Users } from '../users/find.ts'
import { accountIssuer, kinds, lifetimeDays, makeToken } from './kinds.ts'
import type { TokenStore } from './store.ts'

export type MintTools = {
  tokens: Pick<TokenStore, 'rotate'>
  users: Pick<Users, 'ask'>
  /** Tells every reader that what they hold of a token no longer counts. */
  announce: (id: string) => void
}

/** Who approved what. */
export type Approval = {
  tenant_id: string
  user_id: string
  client_id: string
  device_label: string
  created_ip: string
}

type Collector = { ip: string; request_id: string }

export type Mint = (approval: Approval, collector: Collector) => Promise<Minted>
export type Minted = Awaited<ReturnType<typeof mint>>

/**
 * Makes the token that was approved, for a person who is still a member, in the place of the one their device has.
 * Until that is committed the old one works.
 */
export const mint = async (approval: Approval, collector: Collector, { tokens, users, announce }: MintTools) => {
  const { tenant_id, user_id, client_id, device_label } = approval
  const member = await memberOrNobody(users.ask({ tenant_id, user_id }))
  if (!member) throw new ReportedError('access_denied', 'Who approved this is no longer a member. Sign in again.')
  const { token, token_hash } = makeToken('dfoa_', accountIssuer)
  const row = { id: newId(), tenant_id, user_id, client_id, device_label, token_hash, lifetimeDays }
  const stored = await tokens.rotate({ ...row, issuer: accountIssuer, prefix: 'dfoa_' }, (id) =>
    eventsOf(id, approval, collector)
  )
  announce(stored.id)
  return { ...describeSubject(member), ...describeToken(token, stored) }
}

/** Whose token it is, in the reference's words. */
export const describeSubject = ({ user, tenant, role }: Member) => ({
  subject_type: kinds.dfoa_.subject_type,
  account: user,
  workspaces: [{ ...tenant, role }],
  default_workspace_id: tenant.id
})

const describeToken = (token: string, { id, expires_at }: { id: string; expires_at: Date }) => ({
  token,
  token_id: id,
  expires_at: expires_at.toISOString(),
  // RFC 6749 §5.1
  access_token: token,
  token_type: 'Bearer' as const,
  expires_in: Math.floor((expires_at.getTime() - Date.now()) / 1000),
  scope: kinds.dfoa_.scope
})

const eventsOf = (token_id: string, approval: Approval, { ip, request_id }: Collector): AuditEvent[] => {
  const { tenant_id, user_id: actor_user_id, client_id, device_label, created_ip } = approval
  const facts = { tenant_id, actor_user_id, token_id, ip, request_id }
  const device = { client_id, device_label }
  const scopes = [kinds.dfoa_.scope]
  const issued = deviceEvent({ ...facts, event: 'oauth.token_issued', details: { ...device, scopes } })
  if (ip === created_ip) return [issued]
  const details = { ...device, creation_ip: created_ip }
  return [issued, deviceEvent({ ...facts, event: 'oauth.device_code_cross_ip_poll', details })]
}
