import { checkUrl, type Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { faultOf, matches } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { fetchJson } from './json.ts'
import { invalid } from './problems.ts'

const Words = Type.Optional(Type.Array(Type.String()))

/** What an IdP says about itself (OIDC Discovery §3, RFC 8414 §2), as far as we use it. */
export const Metadata = Type.Object({
  issuer: Type.String(),
  authorization_endpoint: Type.String(),
  token_endpoint: Type.String(),
  jwks_uri: Type.String(),
  userinfo_endpoint: Type.Optional(Type.String()),
  revocation_endpoint: Type.Optional(Type.String()),
  end_session_endpoint: Type.Optional(Type.String()),
  backchannel_logout_supported: Type.Optional(Type.Boolean()),
  authorization_response_iss_parameter_supported: Type.Optional(Type.Boolean()),
  id_token_signing_alg_values_supported: Words,
  token_endpoint_auth_methods_supported: Words,
  code_challenge_methods_supported: Words,
  grant_types_supported: Words,
  scopes_supported: Words,
  resource_indicators_supported: Type.Optional(Type.Boolean()),
  /** RFC 9728 §4 */
  protected_resources: Words
})
export type Metadata = Static<typeof Metadata>

type Guard = Pick<Egress, 'request' | 'checkReachable'>

/**
 * What the IdP of this issuer says about itself, its issuer identical byte for byte and its endpoints where we may
 * call. Throws `invalid_request` naming the issuer where that is not so, and what egress throws for one that is away.
 */
export const discover = async (egress: Guard, issuer: string): Promise<Metadata> => {
  const metadata = await readMetadata(egress, issuer)
  for (const name of endpointNames) await checkTold(egress, name, metadata[name])
  return metadata
}

/** The same without a look at its endpoints. */
export const readMetadata = async (egress: Guard, issuer: string): Promise<Metadata> => {
  requireIssuer(issuer)
  await checkReachable(egress, 'issuer', issuer)
  const answer = await fetchJson(egress, metadataUrl(issuer)).catch((cause: unknown) => {
    throw isTransient(cause) ? cause : invalid('issuer', `has no discovery document: ${wordsOf(cause)}`, cause)
  })
  if (!matches(Metadata, answer)) throw invalid('issuer', `has a discovery document that is wrong: ${faultIn(answer)}`)
  if (answer.issuer !== issuer) throw invalid('issuer', differenceOf(issuer, answer.issuer))
  return answer
}

/** OIDC Discovery §4.1: a slash at the end of the issuer is not doubled. */
const metadataUrl = (issuer: string) => `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`

const requireIssuer = (issuer: string): void => {
  if (/[?#]/.test(issuer)) throw invalid('issuer', 'has a query or a fragment, which an issuer must not have')
}

/** All that can be told or given of where an IdP is reached. */
export const endpointNames = [
  'authorization_endpoint',
  'token_endpoint',
  'jwks_uri',
  'userinfo_endpoint',
  'revocation_endpoint',
  'end_session_endpoint'
] as const
export type EndpointName = (typeof endpointNames)[number]

/** Where only browsers go: over https they find their own way. */
const browsersOnly: ReadonlySet<string> = new Set<EndpointName>(['authorization_endpoint', 'end_session_endpoint'])

/** Throws `invalid_request`, naming it, for an endpoint that is no URL, or that may not be called. */
export const checkEndpoint = async (egress: Guard, name: EndpointName, url: string): Promise<void> => {
  const isForBrowsers = browsersOnly.has(name) && /^https:/i.test(url)
  await (isForBrowsers ? requireForm(name, url) : checkReachable(egress, name, url))
}

/** https, or a listed loopback address: credentials are sent there. Throws `invalid_request`, naming it, otherwise. */
export const checkReachable = async (egress: Guard, path: string, url: string): Promise<void> => {
  await requireForm(path, url)
  await egress.checkReachable(url, { carriesCredential: true }).catch((cause: unknown) => {
    throw isTransient(cause) ? cause : invalid(path, `may not be called: ${wordsOf(cause)}`, cause)
  })
}

const requireForm = async (path: string, url: string): Promise<void> => {
  try {
    checkUrl(url)
  } catch (cause) {
    throw invalid(path, wordsOf(cause).replace(/^The URL /, ''), cause)
  }
}

const checkTold = async (egress: Guard, name: EndpointName, url: string | undefined): Promise<void> => {
  if (url === undefined) return
  await checkEndpoint(egress, name, url).catch((cause: unknown) => {
    if (isTransient(cause)) throw cause
    throw invalid('issuer', `has a discovery document whose ${wordsOf(cause)}`, cause)
  })
}

const transient: ReadonlySet<string> = new Set(['upstream_unavailable', 'upstream_timeout'])
const isTransient = (cause: unknown) => cause instanceof ReportedError && transient.has(cause.code)

const wordsOf = (cause: unknown): string =>
  cause instanceof ReportedError ? cause.message.replace(/\.$/, '') : 'it cannot be read'

const faultIn = (answer: unknown): string => {
  const { path = '', message = '' } = faultOf(Metadata, answer) ?? {}
  return `${path.slice(1) || 'it'}: ${message}`
}

const shownMax = 200

const differenceOf = (issuer: string, stated: string): string => {
  const isSlash = issuer.replace(/\/$/, '') === stated.replace(/\/$/, '')
  const shown = JSON.stringify(stated.slice(0, shownMax))
  return isSlash
    ? `differs from its discovery document in the slash at the end; write it as ${shown}`
    : `is not what its discovery document calls itself: issuer is ${shown} there`
}
