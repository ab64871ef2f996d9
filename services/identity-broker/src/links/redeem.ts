import { ReportedError } from '@onbehalf/errors'
import type { AuditContext } from '@onbehalf/service-kit'
import type { Link } from '../database.ts'
import type { ActivateLink } from './activate.ts'
import type { LinkCodes } from './codes.ts'

type Needs = { linkCodes: Pick<LinkCodes, 'take'>; activateLink: ActivateLink }
type Redemption = { app_id: string; code: string; external_id: string }

/**
 * Makes the link that a user allowed. The app says whose session the code came to: it is good for that one only, so a
 * link that was sent to somebody else links nobody.
 */
export const redeemLink = async (
  { linkCodes, activateLink }: Needs,
  by: AuditContext,
  { app_id, code, external_id }: Redemption
): Promise<Link> => {
  const allowed = await linkCodes.take({ app_id, external_id }, code)
  const link = allowed && (await activateLink({ ...allowed, app_id, external_id }, by))
  if (link) return link
  throw new ReportedError(
    'expired_or_unknown',
    'This code does not hold: it was used, has expired, or was made for another user of your app. Begin anew.'
  )
}
