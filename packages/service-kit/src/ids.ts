import { createHash, hash, timingSafeEqual } from 'node:crypto'
import { randomHex } from './random-hex.ts'

const countMax = 0xfff
let lastMs = 0
let lastTime = ''
let count = 0

/**
 * A new id (UUIDv7): grows with time, so that indexes stay dense, and within a millisecond by a counter (RFC 9562
 * §6.2, method 1).
 */
export const newId = (): string => {
  const now = Date.now()
  const isNew = now > lastMs || count === countMax
  lastMs = Math.max(now, isNew ? lastMs + 1 : lastMs)
  count = isNew ? 0 : count + 1
  if (isNew) lastTime = timeOf(lastMs)
  return `${lastTime}-7${count.toString(16).padStart(3, '0')}-${randomGroups()}`
}

/** The last two groups: the variant (RFC 9562 §4.1), and 62 random bits. */
const randomGroups = (): string => {
  const digits = randomHex(16)
  const variant = variants[Number.parseInt(digits.charAt(0), 16) % 4]
  return `${variant}${digits.slice(1, 4)}-${digits.slice(4)}`
}

const variants = ['8', '9', 'a', 'b']

const timeOf = (ms: number): string => {
  const time = ms.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}`
}

/** SHA-256, base64url: how credentials rest and travel. */
export const hashOf = (value: string): string => hash('sha256', value, 'base64url')

/** Whether two secrets are the same, in a time that does not depend on where they differ. */
export const isSameSecret = (given: string, expected: string): boolean =>
  timingSafeEqual(createHash('sha256').update(given).digest(), createHash('sha256').update(expected).digest())
