import { randomBytes } from 'node:crypto'
import { matches } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'
import type { Redis } from 'ioredis'

/** Who allowed an app to act for them, and how many links of theirs had been ended then. */
const Allowed = Type.Object({ tenant_id: Type.String(), user_id: Type.String(), links_ended: Type.Integer() })
type Allowed = Static<typeof Allowed>

/** For which user of which app. */
type Whose = { app_id: string; external_id: string }

export type LinkCodes = ReturnType<typeof linkCodes>

const codeSeconds = 120
const codeKey = ({ app_id, external_id }: Whose, code: string) =>
  `identity-broker:link-code:${hashOf(JSON.stringify([app_id, external_id, code]))}`

/**
 * Codes that an app redeems, for two minutes and once, in Redis. The key is the hash of the code, of the app and of the
 * app's user: whoever asks for another user than the code was made for finds nothing, and learns nothing from the time.
 */
export const linkCodes = (redis: Redis) => ({
  make: async (whose: Whose, allowed: Allowed): Promise<string> => {
    const code = randomBytes(32).toString('base64url')
    await redis.set(codeKey(whose, code), JSON.stringify(allowed), 'EX', codeSeconds)
    return code
  },
  /** Takes the code away, in one step; undefined for an unknown, used, ended or foreign one. */
  take: async (whose: Whose, code: string): Promise<Allowed | undefined> => {
    const text = await redis.getdel(codeKey(whose, code))
    const allowed: unknown = text ? JSON.parse(text) : undefined
    return matches(Allowed, allowed) ? allowed : undefined
  },
  /** Whether a signed link is used for the first time; it is remembered for as long as it could be shown again. */
  useOnce: async ({ issuer, jti, seconds }: { issuer: string; jti: string; seconds: number }): Promise<boolean> => {
    const key = `identity-broker:link-used:${hashOf(JSON.stringify([issuer, jti]))}`
    return (await redis.set(key, '1', 'EX', Math.max(1, seconds), 'NX')) === 'OK'
  }
})
