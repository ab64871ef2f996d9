import { randomBytes } from 'node:crypto'
import type { Role } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type AuditContext, hashOf } from '@onbehalf/service-kit'
import type { Invitation } from '../database.ts'
import { requireRight } from '../members/rights.ts'
import type { InvitationStore } from './store.ts'

type Needs = { invitations: Pick<InvitationStore, 'insert'>; publicUrl: string; now: () => Date }

export type NewInvitation = { email: string; role: Role; expires_at?: string }
type Inviter = { user_id: string; role: Role | null }

const day = 24 * 60 * 60_000
const lifetimeDefaultMs = 7 * day
const lifetimeMaxMs = 30 * day

/** Makes an invitation, and the link to it: shown here and nowhere else, since only its hash is kept. */
export const invite = async (
  { invitations, publicUrl, now }: Needs,
  { inviter, audit }: { inviter: Inviter; audit: AuditContext },
  { email, role, expires_at }: NewInvitation
): Promise<{ invitation: Invitation; link: string }> => {
  requireRight(inviter.role, role)
  const token = `obi_${randomBytes(32).toString('base64url')}`
  const { tenant_id } = audit
  const expiry = expiryOf(expires_at, now())
  const row = { tenant_id, email, role, token_hash: hashOf(token), invited_by: inviter.user_id, expires_at: expiry }
  const invitation = await invitations.insert(row, (id) => ({
    ...audit,
    action: 'invitation.created',
    subject: { kind: 'invitation', id },
    details: { email, role, expires_at: expiry.toISOString() }
  }))
  return { invitation, link: `${publicUrl}/auth/invitations/${token}` }
}

const expiryOf = (given: string | undefined, now: Date): Date => {
  if (given === undefined) return new Date(now.getTime() + lifetimeDefaultMs)
  const expiry = new Date(given)
  const lifetimeMs = expiry.getTime() - now.getTime()
  if (lifetimeMs > 0 && lifetimeMs <= lifetimeMaxMs) return expiry
  throw new ReportedError('invalid_request', 'expires_at must lie in the next 30 days.', {
    details: [{ path: 'expires_at', message: 'must lie in the next 30 days' }]
  })
}
