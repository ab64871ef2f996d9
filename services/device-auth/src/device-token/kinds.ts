import { randomBytes } from 'node:crypto'
import type { Role } from '@onbehalf/contracts'
import { hashOf } from '@onbehalf/service-kit'

/** The issuer of a member's token. A word and not null: NULLs are distinct in a unique index, and rotation rests on it. */
export const accountIssuer = 'onbehalf:account'

/** What a prefix means. Scopes and kind of subject come from here, never from a row. */
export const kinds = {
  dfoa_: {
    subject_type: 'account',
    scopes: ['full'],
    isIssuer: (issuer: string) => issuer === accountIssuer,
    isFor: (role: Role | null) => role !== null
  },
  dfoe_: {
    subject_type: 'external_sso',
    scopes: ['tools:call'],
    isIssuer: (issuer: string) => issuer.trim() !== '' && issuer !== accountIssuer,
    isFor: (role: Role | null) => role === null
  }
} as const

export type Prefix = keyof typeof kinds

const isPrefix = (word: string): word is Prefix => Object.hasOwn(kinds, word)

/** The kind of a stored token; undefined for a row that does not fit together, which is nobody's token. */
export const kindOf = ({ prefix, issuer }: { prefix: string; issuer: string }) =>
  isPrefix(prefix) && kinds[prefix].isIssuer(issuer) ? kinds[prefix] : undefined

/** A new token of a kind; throws when the issuer is not one that kind may have. Only the hash is ever stored. */
export const makeToken = (prefix: Prefix, issuer: string): { token: string; token_hash: string } => {
  if (!kinds[prefix].isIssuer(issuer)) throw new Error(`a ${prefix} token cannot have the issuer ${issuer}`)
  const token = `${prefix}${randomBytes(32).toString('base64url')}`
  return { token, token_hash: hashOf(token) }
}
