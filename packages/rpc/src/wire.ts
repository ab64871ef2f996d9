import { type ErrorCode, isErrorCode, ReportedError } from '@onbehalf/errors'
import { Type } from '@sinclair/typebox'
import { headers, type Msg, type MsgHdrs } from 'nats'
import { matches } from './define-call.ts'

/** Header names on the bus. */
export const header = {
  error: 'Onbehalf-Error',
  timeout: 'Onbehalf-Timeout-Ms',
  trace: 'traceparent',
  presence: 'Onbehalf-Presence'
} as const

/** Of a message that asks nothing, sent to learn from NATS whether anybody is there; or that answers nothing yet. */
export const presence = (): MsgHdrs => {
  const marked = headers()
  marked.set(header.presence, '1')
  return marked
}

/** What every call may answer, whatever its contract says. */
export const commonErrors: readonly ErrorCode[] = ['invalid_request', 'unavailable', 'upstream_timeout', 'internal']

const WireError = Type.Object({
  code: Type.String(),
  message: Type.String(),
  details: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  connect_url: Type.Optional(Type.String()),
  authorize_url: Type.Optional(Type.String()),
  retry_after_seconds: Type.Optional(Type.Integer())
})

export const encode = (value: unknown): string => JSON.stringify(value)

export const encodeError = ({ code, message, extras }: ReportedError): string => encode({ code, message, ...extras })

/** The typed error that the other side reported; a shape or code we do not know becomes `internal`. */
export const decodeError = (message: Msg): ReportedError => {
  const body = parse(message)
  if (!matches(WireError, body) || !isErrorCode(body.code))
    return new ReportedError('internal', 'A service answered with an error nobody knows.', { cause: message.subject })
  const { code, message: text, ...extras } = body
  return new ReportedError(body.code, text, extras)
}

/** The JSON of a message, or undefined where it is none. */
export const parse = (message: Msg): unknown => {
  try {
    return message.json()
  } catch {
    return undefined
  }
}
