import { type KeyObject, randomUUID } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { faultOf, matches } from './define-call.ts'
import { readJws } from './jws.ts'
import { type SigningKey, signJwt } from './signing-key.ts'

/**
 * A ticket is a signed statement one service makes to another: a JWS (ES256) that lives 60 s. `type` becomes
 * its `typ`, so that no other token of ours can be read as one.
 */
export type TicketContract<Claims extends TSchema = TSchema> = {
  type: string
  /** Its one reader, where it has one; `onbehalf` when left out. */
  audience?: string
  /** How long it lives; 60 when left out, which is also the most for one that travels between services. */
  seconds?: number
  /** The services whose word counts for this kind of ticket. */
  issuers: readonly string[]
  claims: Claims
  /** Whether this issuer may say this; it may say everything where it is left out. */
  mayState?(issuer: string, claims: Static<Claims>): boolean
}

export const defineTicket = <Claims extends TSchema>(definition: TicketContract<Claims>): TicketContract<Claims> =>
  definition

export const ticketSecondsMax = 60
const toleranceSeconds = 5
const everybody = 'onbehalf'

/** A public key as services exchange them. */
export const PublicKey = Type.Object({
  kid: Type.String(),
  kty: Type.Literal('EC'),
  crv: Type.Literal('P-256'),
  x: Type.String(),
  y: Type.String()
})
export type PublicKey = Static<typeof PublicKey>

/** Signs `claims` as `issuer`; `expires_at` in seconds since the epoch. */
export const signTicket = async <Claims extends TSchema>(
  contract: TicketContract<Claims>,
  claims: Static<Claims>,
  { issuer, key, now = Date.now }: { issuer: string; key: SigningKey; now?: () => number }
): Promise<{ ticket: string; expires_at: number }> => {
  const issuedAt = Math.floor(now() / 1000)
  const expiresAt = issuedAt + secondsOf(contract)
  const about = { iss: issuer, aud: audienceOf(contract), iat: issuedAt, exp: expiresAt, jti: randomUUID() }
  const ticket = signJwt(key, contract.type, { statement: claims, ...about })
  return { ticket, expires_at: expiresAt }
}

const secondsOf = ({ seconds = ticketSecondsMax }: TicketContract): number => seconds
const audienceOf = ({ audience = everybody }: TicketContract): string => audience

/** Where the public key of an issuer's `kid` comes from; undefined when it has none such. */
export type FindKey = (issuer: string, kid: string) => Promise<KeyObject | undefined>

/** What a ticket says, and until when it may be believed, in milliseconds since the epoch. */
export type TicketRead<Claims> = { statement: Claims; holdsUntil: number }

type Verification = { findKey: FindKey; now?: () => number }

/**
 * The claims of `ticket`, after signature, type, issuer, audience, age and shape. Throws `policy_denied`: whoever
 * shows a ticket that does not hold is not let through, and is not told which check failed.
 */
export const verifyTicket = async <Claims extends TSchema>(
  contract: TicketContract<Claims>,
  ticket: string,
  verification: Verification
): Promise<Static<Claims>> => (await readTicket(contract, ticket, verification)).statement

/** As `verifyTicket`, with the end of what was verified. */
export const readTicket = async <Claims extends TSchema>(
  contract: TicketContract<Claims>,
  ticket: string,
  { findKey, now = Date.now }: Verification
): Promise<TicketRead<Static<Claims>>> => {
  const { statement, iss, exp, iat } = await verified(contract, ticket, findKey, now).catch((cause: unknown) => {
    if (cause instanceof ReportedError) throw cause
    throw refused(contract, cause)
  })
  if (!matches(contract.claims, statement))
    throw refused(contract, new Error(`bad claims at ${faultOf(contract.claims, statement)?.path}`))
  if (contract.mayState && !contract.mayState(iss, statement))
    throw refused(contract, new Error(`${iss} may not say this`))
  return { statement, holdsUntil: (Math.min(exp, iat + secondsOf(contract)) + toleranceSeconds) * 1000 }
}

// RFC 7519 §4.1; without end, beginning or id it is none of ours.
const Issued = Type.Object({
  statement: Type.Unknown(),
  iss: Type.String(),
  aud: Type.String(),
  iat: Type.Integer(),
  exp: Type.Integer(),
  jti: Type.String({ minLength: 1 })
})

const verified = async (contract: TicketContract, ticket: string, findKey: FindKey, now: () => number) => {
  const jws = readJws(ticket)
  const payload = jws?.payload
  if (jws?.typ !== contract.type || !matches(Issued, payload)) throw new Error('not one of ours')
  const { iss, iat, exp, aud } = payload
  if (aud !== audienceOf(contract)) throw new Error('for another reader')
  if (!contract.issuers.includes(iss)) throw new Error('not of an issuer whose word counts')
  const seconds = Math.floor(now() / 1000)
  const age = seconds - iat
  const isCurrent = exp > seconds - toleranceSeconds && age <= secondsOf(contract) + toleranceSeconds
  if (!isCurrent || age < -toleranceSeconds) throw new Error('it has ended, or has not begun')
  // The issuer was read before the signature; its key then says whether it was this one.
  const key = await findKey(iss, jws.kid)
  if (!key || !jws.isSignedWith(key)) throw new Error('not signed with a key of its issuer')
  return payload
}

const refused = (contract: TicketContract, cause: unknown) =>
  new ReportedError('policy_denied', `The ${contract.type} shown does not hold.`, { cause })
