import type { ReplayStore } from './replay.ts'

/** An issuer whose tokens count; by its name alone the defaults hold. */
export type IssuerOptions = {
  /** The `iss` of its tokens, character by character; its metadata is looked for below it. */
  issuer: string
  /** Asymmetric JWS algorithms; ES256, EdDSA and RS256 when left out. */
  algorithms?: readonly string[]
  /** What `typ` may be; `at+jwt` when left out (RFC 9068 §2.1). Some IdPs write `JWT`. */
  types?: readonly string[]
  /**
   * Whether each of its tokens is for one call, also where it names none; those that name one always are. To be set for
   * Onbehalf where platforms fetch `signed` tokens at its inner listener: these name no call.
   */
  isOnce?: boolean
}

export type VerifierOptions = {
  /** Exactly these; there are no patterns. */
  issuers: readonly (string | IssuerOptions)[]
  /** The name of this server as tokens have it, character by character: usually the URL it is registered by. */
  audience: string
  /** How far clocks may be apart (10). */
  toleranceSeconds?: number
  /** How long ago the user's last sign-in may be; left out, it does not matter. */
  signInSecondsMax?: number
  /** Where tokens are remembered that are for one call, so that each works once; left out, none are. */
  replay?: ReplayStore
  /** The RFC 9728 metadata of this server, named in every 401. */
  resourceMetadata?: string
  /** How keys are fetched, for tests and proxies. */
  fetch?: typeof globalThis.fetch
  now?: () => number
}

export type TrustedIssuer = {
  issuer: string
  algorithms: readonly string[]
  types: ReadonlySet<string>
  isOnce: boolean
}

/** RFC 8725 §3.1: none of them takes a public key for a shared secret. */
const asymmetric: ReadonlySet<string> = new Set([
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
])
const defaultAlgorithms = ['ES256', 'EdDSA', 'Ed25519', 'RS256']

/** Who is trusted, by name. Throws an Error that says what to write instead where an option cannot be meant. */
export const readIssuers = ({ issuers }: VerifierOptions): ReadonlyMap<string, TrustedIssuer> => {
  if (issuers.length === 0) throw new Error('issuers: name at least one.')
  return new Map(issuers.map((given) => readIssuer(typeof given === 'string' ? { issuer: given } : given)))
}

const readIssuer = ({
  issuer,
  algorithms = defaultAlgorithms,
  types = ['at+jwt'],
  isOnce = false
}: IssuerOptions): [string, TrustedIssuer] => {
  checkIssuer(issuer)
  for (const algorithm of algorithms)
    if (!asymmetric.has(algorithm)) throw new Error(`algorithms: ${algorithm} is not an asymmetric JWS algorithm.`)
  return [issuer, { issuer, algorithms, types: new Set(types.map(normalType)), isOnce }]
}

/** RFC 7515 §4.1.9: compared without case, and `application/` may be left out. */
export const normalType = (type: string): string => type.toLowerCase().replace(/^application\//, '')

const checkIssuer = (issuer: string): void => {
  const problem = problemOf(issuer)
  if (problem)
    throw new Error(`issuers: "${issuer}" ${problem}. Write the issuer exactly as its tokens have it in iss.`)
}

const problemOf = (issuer: string): string | undefined => {
  if (issuer.includes('*')) return 'is a pattern'
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  if (!url) return 'is not a URL'
  // RFC 8414 §2
  if (url.search || url.hash || issuer.includes('?') || issuer.includes('#')) return 'has a query or a fragment'
  if (url.username || url.password) return 'has a password in it'
  return isSafe(url) ? undefined : 'is not https'
}

/** https, or http on this very machine. */
export const isSafe = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && /^(127(\.\d+){3}|localhost|\[::1\])$/.test(hostname))

export const checkAudience = (audience: string): void => {
  if (audience === '' || audience.includes('*'))
    throw new Error('audience: name this server exactly as tokens have it in aud; there are no patterns.')
}
