import { ReportedError } from '@onbehalf/errors'
import { hashOf } from '@onbehalf/service-kit'
import { statusOf } from './status.ts'
import type { InvitationStore } from './store.ts'

export type FoundInvitation = NonNullable<Awaited<ReturnType<InvitationStore['findByToken']>>>

const gone = {
  accepted: 'This invitation was accepted already. If that was you, sign in.',
  revoked: 'This invitation was taken back. Ask whoever sent it for a new one.',
  expired: 'This invitation has expired. Ask whoever sent it for a new one.'
}

/** The pending invitation of a link. Throws `expired_or_unknown`, saying which of it. */
export const findInvitation = async (
  invitations: Pick<InvitationStore, 'findByToken'>,
  token: string,
  now: Date
): Promise<FoundInvitation> => {
  const found = await invitations.findByToken(hashOf(token))
  if (!found) throw new ReportedError('expired_or_unknown', 'There is no such invitation. Was the whole link opened?')
  const status = statusOf(found, now)
  if (status === 'pending') return found
  throw new ReportedError('expired_or_unknown', gone[status])
}
