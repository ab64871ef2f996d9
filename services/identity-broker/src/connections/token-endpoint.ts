import type { Egress } from '@onbehalf/egress'
import { matches } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import type { Authenticate } from './authenticate.ts'
import { bytesMax, parseShallow } from './json.ts'

/** What a token endpoint answered; `retryAfter` as its header has it. */
export type Answered = { status: number; text: string; retryAfter: string | undefined }

/** A form as it is sent, with what shows who our client is. */
export type TokenForm = { headers: Record<string, string>; body: string }

// RFC 6749 §5.2. A longer one is none of its words, and goes into the log.
const TokenError = Type.Object({ error: Type.String({ maxLength: 256 }) })

const retryMsMax = 3_600_000

export const signForm = async (body: URLSearchParams, authenticate: Authenticate): Promise<TokenForm> => {
  const headers = new Headers({ 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' })
  await authenticate(body, headers)
  return { headers: Object.fromEntries(headers), body: body.toString() }
}

/** Sends a form to a token endpoint, over https or to a listed loopback address. Throws what egress throws. */
export const postForm = async (
  egress: Pick<Egress, 'requestWhole'>,
  url: string,
  { headers, body }: TokenForm,
  timeoutMs: number
): Promise<Answered> => {
  const limits = { timeoutMs, headersTimeoutMs: timeoutMs, bodyTimeoutMs: timeoutMs, maxBytes: bytesMax }
  const answer = await egress.requestWhole(url, { method: 'POST', headers, body, ...limits })
  return { status: answer.status, text: answer.text, retryAfter: [answer.headers['retry-after']].flat()[0] }
}

/** The JSON of an answer; undefined where it is none, or nested deep. */
export const bodyOf = ({ text }: Pick<Answered, 'text'>): unknown => {
  try {
    return parseShallow(text)
  } catch {
    return undefined
  }
}

/** The OAuth error an answer names. */
export const errorIn = (body: unknown): string | undefined => (matches(TokenError, body) ? body.error : undefined)

/** What an answer was, for the log. */
export const toldBy = ({ status }: Pick<Answered, 'status'>, body: unknown): Error =>
  new Error(`the token endpoint answered ${status} ${errorIn(body) ?? 'without an OAuth error'}`)

/** RFC 9110 §10.2.3: seconds or a date; in milliseconds, at most an hour. */
export const retryAfterMs = ({ retryAfter }: Pick<Answered, 'retryAfter'>, now: number): number | undefined => {
  const ms = /^\d+$/.test(retryAfter ?? '') ? Number(retryAfter) * 1000 : Date.parse(retryAfter ?? '') - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), retryMsMax)
}
