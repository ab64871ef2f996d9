import type { Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { matches } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import { LRUCache } from 'lru-cache'
import { fetchJson } from './json.ts'

const KeySet = Type.Object({ keys: Type.Array(Type.Object({ kty: Type.String() }), { maxItems: 200 }) })

/** What an address answered last, and how the last question to it failed. Times in milliseconds. */
type Held = { askedAt: number; keys?: JWTVerifyGetKey; fetchedAt?: number; failure?: unknown }

/** The keys of a `jwks_uri`, as jose asks for them. */
export type FindIdpKeys = (jwksUri: string) => JWTVerifyGetKey

/**
 * The public keys of identity providers, through the egress guard, kept for `heldMs` (10 minutes). Whatever tokens
 * say, one address is asked at most once per `askAgainMs` (30 s) and replica, also when it does not answer; what is
 * kept goes on then.
 */
export const createIdpKeys = (
  egress: Pick<Egress, 'request'>,
  { heldMs = 600_000, askAgainMs = 30_000, now = Date.now } = {}
): FindIdpKeys => {
  const known = new LRUCache<string, Held>({ max: 1_000 })
  const asking = new Map<string, Promise<Held>>()

  const ask = async (jwksUri: string, askedAt: number): Promise<Held> => {
    try {
      const answer = await fetchJson(egress, jwksUri)
      if (!matches(KeySet, answer)) throw new ReportedError('upstream_error', 'The answer is no JSON Web Key Set.')
      return { askedAt, keys: createLocalJWKSet(answer), fetchedAt: askedAt }
    } catch (failure) {
      return { ...known.get(jwksUri), askedAt, failure }
    }
  }
  const askOnce = (jwksUri: string): Promise<Held> => {
    const running = asking.get(jwksUri)
    if (running) return running
    const started = ask(jwksUri, now()).then((held) => {
      known.set(jwksUri, held)
      asking.delete(jwksUri)
      return held
    })
    asking.set(jwksUri, started)
    return started
  }
  const mayAsk = ({ askedAt }: Held) => now() - askedAt >= askAgainMs
  const keysOf = ({ keys, fetchedAt = 0 }: Held) => (now() - fetchedAt < heldMs ? keys : undefined)

  return (jwksUri) => async (header, token) => {
    const held = known.get(jwksUri)
    const first = held && (keysOf(held) || !mayAsk(held)) ? held : await askOnce(jwksUri)
    const key = await select(keysOf(first), header, token)
    if (key) return key
    const last = mayAsk(first) ? await askOnce(jwksUri) : first
    const found = await select(keysOf(last), header, token)
    if (found) return found
    throw last.failure ? unavailable(last.failure) : new errors.JWKSNoMatchingKey()
  }
}

/** The key that a token was signed with; undefined where it is not among them. */
const select = async (keys: JWTVerifyGetKey | undefined, ...asked: Parameters<JWTVerifyGetKey>) => {
  try {
    return await keys?.(...asked)
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
    return undefined
  }
}

const unavailable = (cause: unknown) =>
  new ReportedError(
    'identity_provider_unavailable',
    'The keys of the identity provider cannot be had right now. Try again.',
    { cause, retry_after_seconds: 30 }
  )
