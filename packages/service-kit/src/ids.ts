import { createHash, hash, timingSafeEqual } from 'node:crypto'
import { v7 } from 'uuid'

/** A new id (UUIDv7): grows with time, so that indexes stay dense. */
export const newId = (): string => v7()

/** SHA-256, base64url: how credentials rest and travel. */
export const hashOf = (value: string): string => hash('sha256', value, 'base64url')

/** Whether two secrets are the same, in a time that does not depend on where they differ. */
export const isSameSecret = (given: string, expected: string): boolean =>
  timingSafeEqual(createHash('sha256').update(given).digest(), createHash('sha256').update(expected).digest())
