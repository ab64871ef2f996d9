import type { Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { matches } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import { LRUCache } from 'lru-cache'
import { fetchJson } from './json.ts'

const KeySet = Type.Object({ keys: Type.Array(Type.Object({ kty: Type.String() }), { maxItems: 200 }) })

type Held = { askedAt: number; keys: JWTVerifyGetKey | undefined; cause?: unknown }

/** The keys of a `jwks_uri`, as jose asks for them. */
export type FindIdpKeys = (jwksUri: string) => JWTVerifyGetKey

/**
 * The public keys of identity providers, through the egress guard, kept for `heldMs` (10 minutes). Whatever tokens
 * say, one address is asked at most once per `askAgainMs` (30 s) and replica, also when it does not answer.
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
      return { askedAt, keys: createLocalJWKSet(answer) }
    } catch (cause) {
      return { askedAt, keys: undefined, cause }
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
  const mayAsk = (held: Held | undefined, ms: number) => !held || now() - held.askedAt >= ms

  return (jwksUri) => async (header, token) => {
    const held = known.get(jwksUri)
    const fresh = held && !mayAsk(held, held.keys ? heldMs : askAgainMs) ? held : await askOnce(jwksUri)
    try {
      return await select(fresh, header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !mayAsk(fresh, askAgainMs)) throw error
    }
    return select(await askOnce(jwksUri), header, token)
  }
}

const select = ({ keys, cause }: Held, ...asked: Parameters<JWTVerifyGetKey>) => {
  if (keys) return keys(...asked)
  throw new ReportedError(
    'identity_provider_unavailable',
    'The keys of the identity provider cannot be had right now. Try again.',
    { cause, retry_after_seconds: 30 }
  )
}
