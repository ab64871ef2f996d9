import type { Grant, RefusalCode } from '../../database.ts'
import type { Actor } from '../../tokens/modes/mode.ts'

/** What a token is wanted for; with a grant's id this is the whole key of a minted token. */
export type Want = { audience: string; mode: string; scopes: string }

/** A want, and who is on record, by the commit that stores the token, as having been given it. */
export type Wanted = Want & { asker?: Actor }

/** An access token for our own client, to be exchanged at the IdP that issued it. */
export const subjectTokenWant = ({ issuer }: Pick<Grant, 'issuer'>): Want => ({
  ...{ audience: issuer, mode: 'subject_token', scopes: '' }
})

/** The user's ID token, whose audience is our client. */
export const idTokenWant = ({ client_id }: Pick<Grant, 'client_id'>): Want => ({
  ...{ audience: client_id, mode: 'id_token', scopes: '' }
})

const forOurselves: ReadonlySet<string> = new Set(['subject_token', 'id_token'])

/** What is got for our own client names no server, and no `resource` (RFC 8707) is sent for it. */
export const isForServer = ({ mode }: Want): boolean => !forOurselves.has(mode)

type Bound = Pick<Grant, 'id' | 'tenant_id' | 'user_id' | 'connection_id' | 'issuer' | 'token_endpoint' | 'client_id'>

/** A grant whose refresh token is presented, with its user's subject and the revision its connection then had. */
export type PresentedGrant = Bound &
  Pick<Grant, 'generation' | 'epoch'> & { subject: string; connection_revision: number }

/** What is sent to the IdP, and what its answer is held against. */
export type Material = { grant: PresentedGrant; refreshToken: string }

/** Times in seconds since the epoch; `generation` of the grant it was made from. */
export type MintedToken = {
  token: string
  token_hash: string
  jti: string | null
  generation: number
  expires_at: number
}

/** Why an answer held no token for a want, as far as the connection's `connection_revision` led to that answer. */
export type Refusal = { code: RefusalCode; message: string; connection_revision: number }

/**
 * What an answer brought for a want. A refusal is kept like a token, so that the IdP, which rotates the refresh token
 * with each answer, is not asked in vain again.
 */
export type Brought = { token: MintedToken; refusal?: undefined } | { token?: undefined; refusal: Refusal }
