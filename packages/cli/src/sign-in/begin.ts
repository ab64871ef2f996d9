import { createHash, randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Client } from '@onbehalf/client'
import type { Pending } from '../accounts/accounts.ts'
import { Problem } from '../problem.ts'
import { checkLink } from '../server/address.ts'
import { refusalOf } from '../server/refusal.ts'
import { cleanLine } from '../terminal/clean.ts'

export const clientId = 'onbehalf'

export type Begun = { pending: Pending; user_code: string; link: string; linkWithCode: string }

const within = (value: unknown, min: number, max: number, usual: number): number =>
  typeof value === 'number' && Number.isFinite(value) ? Math.min(max, Math.max(min, Math.floor(value))) : usual

/** Asks for a code (RFC 8628 §3.1), bound to this process by PKCE; what the server says of it is looked at first. */
export const beginSignIn = async (client: Client, server: string, isInsecure: boolean, now: number): Promise<Begun> => {
  const code_verifier = randomBytes(32).toString('base64url')
  const code_challenge = createHash('sha256').update(code_verifier).digest('base64url')
  const device_label = cleanLine(hostname(), 255) || 'a terminal'
  const answer = await client.ask('POST /openapi/v1/oauth/device/code', {
    body: { client_id: clientId, device_label, code_challenge, code_challenge_method: 'S256' }
  })
  if (answer.status !== 200) throw refusalOf(answer, server, isInsecure)
  const { device_code, user_code, verification_uri, verification_uri_complete, expires_in, interval } = answer.body
  if (typeof device_code !== 'string' || !/^[A-Z0-9-]{4,32}$/.test(user_code))
    throw new Problem('unreachable', 'The server sent no code that could be typed.')
  const link = checkLink(verification_uri, isInsecure)
  return {
    ...{ user_code, link, linkWithCode: checkLink(verification_uri_complete ?? link, isInsecure) },
    pending: {
      ...{ server, device_code, code_verifier, interval: within(interval, 1, 60, 5) },
      ends_at: now + within(expires_in, 1, 3600, 900) * 1000
    }
  }
}
