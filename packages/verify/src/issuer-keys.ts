import { createLocalJWKSet, type JWK, type JWTVerifyGetKey } from 'jose'
import { fetchJson } from './fetch-json.ts'
import { isSafe } from './options.ts'

/** After so long the keys are fetched again behind the answers. */
const freshMs = 300_000
/** What is older is not believed: a key the issuer took back would live on where it cannot be reached. */
const heldMs = 3_600_000
/** An unknown `kid` makes us fetch no more often, however many come, and whether or not there is an answer. */
const cooldownMs = 30_000
/** Nor does an issuer that does not answer get asked for each token. */
const retryMs = 5_000
const keysMax = 100

type Held = { find: JWTVerifyGetKey; kids: ReadonlySet<string | undefined>; fetchedAt: number }
type Needs = { fetch: typeof globalThis.fetch; now: () => number }

/** Finds the keys for tokens of one issuer whose header names `kid`; throws where they cannot be had. */
export type FindKeys = (kid: string | undefined) => Promise<JWTVerifyGetKey>

export const createIssuerKeys = (issuer: string, { fetch, now }: Needs): FindKeys => {
  let held: Held | undefined
  let fetching: Promise<Held> | undefined
  let failure: { error: unknown; at: number } | undefined

  const load = async (): Promise<Held> => {
    try {
      const keys = await fetchKeys(fetch, issuer)
      failure = undefined
      held = { find: createLocalJWKSet({ keys }), kids: new Set(keys.map(({ kid }) => kid)), fetchedAt: now() }
      return held
    } catch (error) {
      failure = { error, at: now() }
      throw error
    }
  }
  const fetchOnce = (pauseMs = retryMs): Promise<Held> => {
    if (failure && now() - failure.at < pauseMs) return Promise.reject(failure.error)
    fetching ??= load().finally(() => {
      fetching = undefined
    })
    return fetching
  }

  return async (kid) => {
    const ageMs = held ? now() - held.fetchedAt : Number.POSITIVE_INFINITY
    if (!held || ageMs >= heldMs) return (await fetchOnce()).find
    const isKnown = kid === undefined || held.kids.has(kid)
    if (!isKnown && ageMs >= cooldownMs) return (await fetchOnce(cooldownMs)).find
    // What fails here is tried again by the next token.
    if (ageMs >= freshMs) fetchOnce().catch(() => {})
    return held.find
  }
}

/** OpenID Connect Discovery §4, then RFC 8414 §3.1: the document must be of this very issuer. */
const fetchKeys = async (fetch: typeof globalThis.fetch, issuer: string): Promise<JWK[]> => {
  const metadata = await fetchMetadata(fetch, issuer)
  if (!isRecord(metadata) || metadata.issuer !== issuer) throw new Error(`the metadata is not that of ${issuer}`)
  const { jwks_uri: uri } = metadata
  if (typeof uri !== 'string' || !URL.canParse(uri) || !isSafe(new URL(uri)))
    throw new Error(`${issuer} names no https jwks_uri`)
  const jwks = await fetchJson(fetch, uri)
  if (!isRecord(jwks) || !Array.isArray(jwks.keys) || jwks.keys.length > keysMax)
    throw new Error(`${uri} is no key set of at most ${keysMax} keys`)
  return jwks.keys.filter(isPublicKey)
}

const fetchMetadata = async (fetch: typeof globalThis.fetch, issuer: string): Promise<unknown> => {
  const base = issuer.replace(/\/$/, '')
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  try {
    return await fetchJson(fetch, `${base}/.well-known/openid-configuration`)
  } catch (error) {
    return await fetchJson(fetch, `${origin}/.well-known/oauth-authorization-server${path}`).catch(() => {
      throw error
    })
  }
}

// A shared secret has no place in a published key set, and verifies nothing here.
const isPublicKey = (key: unknown): key is JWK =>
  isRecord(key) && (key.kty === 'EC' || key.kty === 'OKP' || key.kty === 'RSA')

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
