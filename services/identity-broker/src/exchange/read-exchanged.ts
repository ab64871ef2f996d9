import { matches } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { type Asked, away, unfit } from './failure.ts'

const idp = 'The identity provider'

// RFC 8693 §2.2.1
const Answer = Type.Object({
  access_token: Type.String({ minLength: 1 }),
  issued_token_type: Type.String(),
  token_type: Type.String(),
  expires_in: Type.Optional(Type.Unknown())
})
type Answer = Static<typeof Answer>

const Token = Type.Object({ access_token: Type.String({ minLength: 1 }) })

type Expected = {
  /** What the token has to be, by its URN. */
  issuedTypes: readonly string[]
  /** How it is used: `bearer`, or `n_a` for what is no access token. */
  tokenType: string
}

/** The answer of an exchange, if it says of its token that it is what was asked for. */
export const readExchanged = (body: unknown, { issuedTypes, tokenType }: Expected): Answer => {
  if (!matches(Token, body)) throw away(idp, new Error('an unreadable 200'))
  if (!matches(Answer, body)) throw unfit(idp, 'does not say what it exchanged the token for (issued_token_type)')
  const isAsked = issuedTypes.includes(body.issued_token_type) && body.token_type.toLowerCase() === tokenType
  if (isAsked) return body
  throw unfit(idp, 'exchanged the token for another kind of token than was asked for')
}

/** When a token ends, in seconds since the epoch, if that is not yet. */
export const requireCurrent = (asked: Asked, expires_at: number, now: number): void => {
  if (expires_at * 1000 > now) return
  throw away(asked, new Error('the token has ended: the clocks differ'))
}
