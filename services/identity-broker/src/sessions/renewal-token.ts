import { createHmac, randomBytes } from 'node:crypto'

/** What a browser renews its session with: 256 bits of chance, of which we keep the hash alone. */
export const newRenewalToken = (): string => randomBytes(32).toString('base64url')

/** What goes into the token that follows; kept, so that every tab with the old token is given the same new one. */
export const newSeed = (): string => randomBytes(32).toString('base64url')

/** The token that follows `token`: neither the old token nor what we keep is enough to tell it. */
export const tokenAfter = (token: string, seed: string): string =>
  createHmac('sha256', token).update(`renewal ${seed}`).digest('base64url')
