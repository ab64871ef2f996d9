import { randomBytes } from 'node:crypto'
import { hashOf } from '@onbehalf/service-kit'

/** The issuer of a member's token. A word and not null: NULLs are distinct in a unique index, and rotation rests on it. */
export const accountIssuer = 'onbehalf:account'

/** What a prefix means. Scope and kind of subject come from here, never from a row. */
export const kinds = {
  dfoa_: {
    subject_type: 'account',
    scope: 'full',
    isIssuer: (issuer: string) => issuer === accountIssuer
  }
} as const

export type Prefix = keyof typeof kinds

export const lifetimeDays = 14

/** A new token of a kind; throws when the issuer is not one that kind may have. Only the hash is ever stored. */
export const makeToken = (prefix: Prefix, issuer: string): { token: string; token_hash: string } => {
  if (!kinds[prefix].isIssuer(issuer)) throw new Error(`a ${prefix} token cannot have the issuer ${issuer}`)
  const token = `${prefix}${randomBytes(32).toString('base64url')}`
  return { token, token_hash: hashOf(token) }
}
