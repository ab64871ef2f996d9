import { ReportedError } from '@onbehalf/errors'
import type { SignInRequest } from '../sign-in/begin.ts'
import type { FindConnect } from './find.ts'
import { connectPath, type Opened } from './path.ts'

/** The sign-in that a link asks for: at its tenant, as its user, for its server. Throws `expired_or_unknown`. */
export const signInFor = async (findConnect: FindConnect, opened: Opened): Promise<SignInRequest> => {
  const found = await findConnect(opened.link)
  if (!found) throw new ReportedError('expired_or_unknown', 'This link has expired. Go back and try again.')
  const { tenant, user_id, server } = found
  const somebodyElse = connectPath(opened, { outcome: 'somebody_else' })
  return {
    tenant: tenant.id,
    return_to: connectPath(opened, { outcome: 'signed_in' }),
    ...(server ? { audience: server.audience } : {}),
    ...(user_id ? { expected: { user_id, otherwise_to: somebodyElse } } : {})
  }
}
