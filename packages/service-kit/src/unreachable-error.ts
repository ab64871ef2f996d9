import { redact } from './redact.ts'
import { addressOf } from './server-address.ts'

/** A dependency that cannot be used, in one line that names its variable and what was tried, without its password. */
export class UnreachableError extends Error {
  constructor(name: string, variable: string, url: string, cause: unknown) {
    const verb = hasAnswered(cause) ? 'refuses us' : 'does not answer'
    super(`${name} ${verb} (${variable}): tried ${addressOf(url)}: ${redact(wordsOf(cause))}`, { cause })
    this.name = 'UnreachableError'
  }
}

/** Why a server that answers cannot be used all the same. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** An error of the server itself, as pg, ioredis and nats mark it, and not of the way to it. */
const hasAnswered = (cause: unknown): boolean => {
  if (!(cause instanceof Error)) return false
  if (cause instanceof Refusal) return true
  return 'severity' in cause || cause.name === 'ReplyError' || ('code' in cause && /^AUTH/.test(String(cause.code)))
}

/** Where several addresses of one name were tried, the error itself says nothing; its code does. */
const wordsOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  const words = cause.message || ('code' in cause ? String(cause.code) : cause.name)
  return words.replace(/\s+/g, ' ')
}
