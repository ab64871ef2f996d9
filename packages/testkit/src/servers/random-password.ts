import { randomBytes } from 'node:crypto'

/** 24 random bytes in letters that need no escaping in a URL, a shell or an SQL text. */
export const randomPassword = (): string => randomBytes(24).toString('base64url')
