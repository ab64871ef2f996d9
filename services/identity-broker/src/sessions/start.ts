import { randomBytes } from 'node:crypto'
import type { SigningKey } from '@onbehalf/rpc'
import { newId, sessionType } from '@onbehalf/service-kit'
import { SignJWT } from 'jose'
import type { User } from '../database.ts'
import type { SessionStore } from './store.ts'

export const sessionSeconds = 600

export type StartSession = (user: Pick<User, 'id' | 'tenant_id'>) => Promise<{ cookie: string; expires_at: Date }>

/** Signs a browser in as a user: a row that can be ended, and the JWT that names it. */
export const createSessionStart =
  (
    sessions: Pick<SessionStore, 'insert'>,
    { key, publicUrl, now = Date.now }: { key: SigningKey; publicUrl: string; now?: () => number }
  ): StartSession =>
  async ({ id: user_id, tenant_id }) => {
    const id = newId()
    const issuedAt = Math.floor(now() / 1000)
    const expires_at = new Date((issuedAt + sessionSeconds) * 1000)
    const cookie = await new SignJWT({ tenant_id, sid: id, csrf: randomBytes(24).toString('base64url') })
      .setProtectedHeader({ alg: 'ES256', typ: sessionType, kid: key.kid })
      .setSubject(user_id)
      .setIssuer(publicUrl)
      .setAudience(publicUrl)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + sessionSeconds)
      .sign(key.privateKey)
    await sessions.insert({ id, tenant_id, user_id, expires_at })
    return { cookie, expires_at }
  }
