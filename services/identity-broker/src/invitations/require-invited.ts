import type { Role } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import type { Invitation, NewUser } from '../database.ts'
import { mayGive } from '../members/rights.ts'
import { statusOf } from './status.ts'

type Found = Pick<Invitation, 'id' | 'email' | 'role' | 'expires_at' | 'accepted_at' | 'revoked_at'> & {
  inviter_role: Role | null
}

/**
 * The invitation, where it holds for this person: pending, from somebody who may still give that role, and for the very
 * e-mail that their IdP has verified. Throws `sign_in_failed`.
 */
export const requireInvited = (found: Found | undefined, person: NewUser, now: Date): Found => {
  if (!found || statusOf(found, now) !== 'pending' || !mayGive(found.inviter_role, found.role))
    throw refused('The invitation does not hold any more: it was used, taken back or has expired. Ask for a new one.')
  if (!person.email || !person.is_email_verified)
    throw refused(
      'Your identity provider does not confirm your e-mail address, which the invitation is for. Nothing was stored.'
    )
  if (person.email.toLowerCase() !== found.email.toLowerCase())
    throw refused(
      'The invitation is for another e-mail address than yours. Nothing was stored; sign in as the person it is for.'
    )
  return found
}

const refused = (why: string) => new ReportedError('sign_in_failed', why)
