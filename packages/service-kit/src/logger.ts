import { ReportedError } from '@onbehalf/errors'
import type { FastifyBaseLogger } from 'fastify'
import type { LoggerOptions } from 'pino'
import { redact } from './redact.ts'

export type Log = FastifyBaseLogger

export const logLevels = ['error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof logLevels)[number]

/** JSON lines; only what is listed here is ever written of a request, a reply or an error. `answer-log.ts` follows their form. */
export const logOptions = (service: string, level: LogLevel): LoggerOptions => ({
  level,
  base: { service },
  timestamp: () => `,"time":"${new Date().toISOString()}"`,
  formatters: { level: (label) => ({ level: label }) },
  redact: { paths: secretPaths, censor: '[redacted]' },
  serializers: { err: describeError, error: describeError }
})

const secretNames = [
  'authorization',
  'cookie',
  'set-cookie',
  'token',
  'access_token',
  'refresh_token',
  'client_secret',
  'device_code',
  'user_code',
  'code',
  'password'
]
// An error's `code` is a word of the error table; everywhere else `code` may be an OAuth code.
const secretPaths = secretNames.flatMap((name) => {
  const key = name.includes('-') ? `["${name}"]` : name
  const dotted = name.includes('-') ? `*${key}` : `*.${key}`
  return name === 'code' ? [] : [key, dotted]
})

type ErrorFacts = { name: string; message: string; code?: string; stack?: string | undefined; cause?: ErrorFacts }

/**
 * Name, words, stack and causes of an error, and no other property of it: libraries hang requests and bodies there. A refusal of
 * ours says with its code and words where it is from, and a server that is away would fill the log with its stack.
 */
const describeError = (error: unknown, depth = 0): ErrorFacts => {
  if (!(error instanceof Error)) return { name: 'thrown', message: redact(String(error)).slice(0, 500) }
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  const cause = error.cause !== undefined && depth < 4 ? { cause: describeError(error.cause, depth + 1) } : {}
  const isRefusal = error instanceof ReportedError && error.code !== 'internal'
  const stack = error.stack && !isRefusal ? { stack: redact(error.stack) } : {}
  return { name: error.name, message: redact(error.message), ...code, ...stack, ...cause }
}
