import type { Invitation } from '../database.ts'

export const statuses = ['pending', 'accepted', 'revoked', 'expired'] as const

type Facts = Pick<Invitation, 'expires_at' | 'accepted_at' | 'revoked_at'>

/** What has become of an invitation. */
export const statusOf = ({ expires_at, accepted_at, revoked_at }: Facts, now: Date): (typeof statuses)[number] => {
  if (accepted_at) return 'accepted'
  if (revoked_at) return 'revoked'
  return expires_at <= now ? 'expired' : 'pending'
}
