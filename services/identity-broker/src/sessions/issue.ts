import type { SigningKey } from '@onbehalf/rpc'
import { sessionType } from '@onbehalf/service-kit'
import { SignJWT } from 'jose'
import type { Session } from '../database.ts'

/** How long the session cookie holds; then it is renewed, and whether it may be is asked again. */
export const cookieSeconds = 600

/** What a signed-in browser is given. */
export type Issued = {
  /** The JWT of the session cookie. */
  cookie: string
  expires_at: Date
  csrf: string
  /** The value of the renewal cookie, and until when it can be used. */
  renewal: string
  renewable_until: Date
}

type Named = Pick<Session, 'id' | 'tenant_id' | 'user_id' | 'csrf' | 'idle_until' | 'expires_at'>

export type IssueSession = (session: Named, renewal: string) => Promise<Issued>

type Needs = { signingKey: () => SigningKey; publicUrl: string; now?: () => number }

/** Signs the cookie of a session: ten minutes of it, and never past its end. */
export const createSessionIssue =
  ({ signingKey, publicUrl, now = Date.now }: Needs): IssueSession =>
  async ({ id, tenant_id, user_id, csrf, idle_until, expires_at }, renewal) => {
    const key = signingKey()
    const issuedAt = Math.floor(now() / 1000)
    const expiresAt = Math.min(issuedAt + cookieSeconds, Math.floor(expires_at.getTime() / 1000))
    const cookie = await new SignJWT({ tenant_id, sid: id, csrf })
      .setProtectedHeader({ alg: 'ES256', typ: sessionType, kid: key.kid })
      .setSubject(user_id)
      .setIssuer(publicUrl)
      .setAudience(publicUrl)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(key.privateKey)
    return { cookie, expires_at: new Date(expiresAt * 1000), csrf, renewal, renewable_until: idle_until }
  }
