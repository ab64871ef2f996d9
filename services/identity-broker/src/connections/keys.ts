import type { Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { errors, type JWTVerifyGetKey } from 'jose'
import { LRUCache } from 'lru-cache'
import { createAskOnce } from './ask-once.ts'
import { fetchJson } from './json.ts'
import { readKeySet } from './key-set.ts'

/** What an address answered last, and how the last question to it failed. Times in milliseconds. */
type Held = { askedAt: number; weight: number; keys?: JWTVerifyGetKey; fetchedAt?: number; failure?: unknown }

/** In bytes: the keys of some five hundred identity providers. */
const weightMax = 24 * 1024 * 1024
/** What an entry takes beside its keys: its address, a failure. */
const entryWeight = 4_000

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
  // By weight and not by number: how much there is to an entry, is for the identity providers to say.
  const known = new LRUCache<string, Held>({
    maxSize: weightMax,
    sizeCalculation: ({ weight }, jwksUri) => entryWeight + jwksUri.length + weight,
    // Whether they may still be used, `keysOf` decides by `now`; this frees what nobody asks for again.
    ttl: heldMs,
    ttlAutopurge: true
  })
  const once = createAskOnce<Held>()

  const ask = async (jwksUri: string, askedAt: number): Promise<Held> => {
    try {
      return { ...readKeySet(await fetchJson(egress, jwksUri)), askedAt, fetchedAt: askedAt }
    } catch (failure) {
      return { weight: 0, ...known.get(jwksUri), askedAt, failure }
    }
  }
  const askOnce = (jwksUri: string): Promise<Held> =>
    once(jwksUri, async () => {
      const held = await ask(jwksUri, now())
      known.set(jwksUri, held)
      return held
    })
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
