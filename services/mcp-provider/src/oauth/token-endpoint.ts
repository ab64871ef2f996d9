import type { Egress } from '@onbehalf/egress'
import { matches } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { type At, authenticate } from './authenticate.ts'
import type { OauthClient } from './client.ts'
import { type AccessToken, lifeOf } from './credential.ts'

/** What a token endpoint answered; `retryAfter` as its header has it. */
export type Answered = { status: number; body: unknown; retryAfter: string | undefined }

// RFC 6749 §5.1. What else it says is left alone; a life it writes as text is read all the same.
const TokenAnswer = Type.Object({
  access_token: Type.String({ minLength: 1, maxLength: 16_384 }),
  token_type: Type.Optional(Type.Unknown()),
  expires_in: Type.Optional(Type.Unknown()),
  refresh_token: Type.Optional(Type.Unknown()),
  scope: Type.Optional(Type.Unknown())
})
export type TokenAnswer = Static<typeof TokenAnswer>

// RFC 6749 §5.2
const TokenError = Type.Object({ error: Type.String({ maxLength: 256 }) })

const bytesMax = 256 * 1024
const secondsMax = 10 * 365 * 86_400
const retryMsMax = 3_600_000

type Ask = { tokenEndpoint: string; client: OauthClient; fields: Record<string, string>; timeoutMs: number }

/** Sends a form to a token endpoint, over https or to a listed loopback address. Throws what egress throws. */
export const askTokenEndpoint = async (
  egress: Pick<Egress, 'request'>,
  { tokenEndpoint, client, fields, timeoutMs }: Ask,
  at: At
): Promise<Answered> => {
  const { body, headers } = await authenticate(client, fields, at)
  const limits = { timeoutMs, headersTimeoutMs: timeoutMs, bodyTimeoutMs: timeoutMs, maxBytes: bytesMax }
  const sent = { method: 'POST', headers, body: body.toString(), carriesCredential: true, ...limits }
  const response = await egress.request(tokenEndpoint, sent)
  const text = await response.text()
  return { status: response.status, body: parse(text), retryAfter: [response.headers['retry-after']].flat()[0] }
}

const parse = (text: string): unknown => {
  if (text.trim() === '') return ''
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own error quotes the text, which may hold a token.
    return undefined
  }
}

/** The tokens in an answer; undefined where it holds none that can be used as a bearer (RFC 6750). */
export const tokensIn = ({ status, body }: Answered, now: number) => {
  if (status !== 200 || !matches(TokenAnswer, body) || !isBearer(body.token_type)) return undefined
  const { access_token: token, refresh_token, scope } = body
  const access: AccessToken = { token, ...lifeOf(secondsOf(body.expires_in), now), scope: textOf(scope) }
  return { access, refresh_token: textOf(refresh_token) }
}

/** The OAuth error an answer names. */
export const errorIn = ({ body }: Answered): string | undefined => (matches(TokenError, body) ? body.error : undefined)

/** What an answer was, for the log. */
export const toldBy = (answered: Answered): Error =>
  new Error(`the token endpoint answered ${answered.status} ${errorIn(answered) ?? 'without an OAuth error'}`)

/** RFC 9110 §10.2.3: seconds or a date; in milliseconds, at most an hour. */
export const retryAfterMs = ({ retryAfter }: Answered, now: number): number | undefined => {
  const ms = /^\d+$/.test(retryAfter ?? '') ? Number(retryAfter) * 1000 : Date.parse(retryAfter ?? '') - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), retryMsMax)
}

const isBearer = (type: unknown): boolean =>
  type === undefined || (typeof type === 'string' && type.toLowerCase() === 'bearer')

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

const secondsOf = (value: unknown): number | undefined => {
  const seconds = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value
  return typeof seconds === 'number' && seconds >= 0 ? Math.min(seconds, secondsMax) : undefined
}
