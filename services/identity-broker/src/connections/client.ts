import type { Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { LRUCache } from 'lru-cache'
import { allowInsecureRequests, type ClientAuth, Configuration, customFetch, type ServerMetadata } from 'openid-client'
import type { Connection } from '../database.ts'
import { createAskOnce } from './ask-once.ts'
import { type Authenticate, authenticationOf, type Credentials } from './authenticate.ts'
import { discover } from './discover.ts'
import { onlyMembers } from './json.ts'
import { createTokenFetch } from './token-fetch.ts'

/** The tenant's client at its IdP: where it is reached, and how the client authenticates there. */
export type IdpClient = {
  configuration: Configuration
  issuer: string
  clientId: string
  tokenEndpoint: string
  revocationEndpoint: string | undefined
  userinfoEndpoint: string | undefined
  jwksUri: string | undefined
  authenticate: Authenticate
}

export type FindClient = (connection: Connection) => Promise<IdpClient>

type Needs = {
  credentialsOf: (connection: Connection) => Promise<Credentials>
  egress: Pick<Egress, 'request' | 'checkReachable' | 'fetchWith'>
  /** Hears what discovery said; throws where the connection must not be used as it is. */
  onDiscovered: (connection: Connection, tokenEndpoint: string) => Promise<void>
}

const heldMs = 10 * 60_000
/** In bytes: some five hundred clients. */
const weightMax = 8 * 1024 * 1024
/** What a client takes beside what its identity provider said. */
const clientWeight = 10_000

/** What a client goes by; the rest of a discovery document is not held. */
const metadataNames = [
  ...(['issuer', 'authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint'] as const),
  ...(['revocation_endpoint', 'end_session_endpoint', 'id_token_signing_alg_values_supported'] as const),
  'authorization_response_iss_parameter_supported'
] as const

/** Finds clients through the egress guard, and keeps what discovery told for ten minutes and one revision. */
export const createClients = ({ credentialsOf, egress, onDiscovered }: Needs): FindClient => {
  // By weight and not by number, as an identity provider may say much about itself.
  const held = new LRUCache<string, IdpClient>({ maxSize: weightMax, ttl: heldMs, ttlAutopurge: true })
  const once = createAskOnce<IdpClient>()
  const find = async (connection: Connection) => {
    const metadata = await metadataOf[connection.kind](egress, connection).catch((cause: unknown) => {
      throw unavailable(connection, cause)
    })
    const { copy, weight } = onlyMembers(metadata, metadataNames)
    await onDiscovered(connection, copy.token_endpoint)
    const credentials = await credentialsOf(connection)
    const authenticate = authenticationOf(connection, credentials, copy.token_endpoint)
    const client = clientOf(connection, copy, authenticate, createTokenFetch(egress, connection))
    return { client, weight: clientWeight + weight }
  }
  const findAnew = (key: string, connection: Connection): Promise<IdpClient> =>
    once(key, async () => {
      const { client, weight } = await find(connection)
      held.set(key, client, { size: weight })
      return client
    })
  return async (connection) => {
    const key = `${connection.id} ${connection.revision}`
    return held.get(key) ?? findAnew(key, connection)
  }
}

type Found = ServerMetadata & { token_endpoint: string }
type Held = Pick<Found, (typeof metadataNames)[number]>
type FindMetadata = (egress: Needs['egress'], connection: Connection) => Promise<Found>

const metadataOf: Readonly<Record<Connection['kind'], FindMetadata>> = {
  saml: async () => {
    throw new Error('a connection by SAML has no OAuth client')
  },
  oidc: async (egress, { issuer, quirks }) => {
    const metadata = await discover(egress, issuer)
    return quirks.includes('no_iss_parameter')
      ? { ...metadata, authorization_response_iss_parameter_supported: false }
      : metadata
  },
  oauth2: async (
    _egress,
    { issuer, authorization_endpoint, token_endpoint, userinfo_endpoint, revocation_endpoint }
  ) => {
    if (!authorization_endpoint || !token_endpoint || !userinfo_endpoint)
      throw new Error('an oauth2 connection without endpoints')
    const revocation = revocation_endpoint ? { revocation_endpoint } : {}
    return { issuer, authorization_endpoint, token_endpoint, userinfo_endpoint, ...revocation }
  }
}

const clientOf = (
  { client_id, issuer }: Connection,
  metadata: Held,
  authenticate: Authenticate,
  fetchTokens: ReturnType<typeof createTokenFetch>
): IdpClient => {
  const clientAuth: ClientAuth = (_server, _client, body, headers) => authenticate(body, headers)
  const configuration = new Configuration(metadata, client_id, {}, clientAuth)
  configuration[customFetch] = fetchTokens
  // Whether http is acceptable is the guard's decision: it allows it for listed loopback addresses only.
  allowInsecureRequests(configuration)
  return {
    configuration,
    issuer,
    clientId: client_id,
    tokenEndpoint: metadata.token_endpoint,
    revocationEndpoint: metadata.revocation_endpoint,
    userinfoEndpoint: metadata.userinfo_endpoint,
    jwksUri: metadata.jwks_uri,
    authenticate
  }
}

/** A connection that is not set up right is said to be so, but not how: people who sign in read it. */
const unavailable = ({ name }: Connection, cause: unknown) => {
  const isWrong = cause instanceof ReportedError && cause.code === 'invalid_request'
  const words = isWrong
    ? `The connection "${name}" does not fit its identity provider. An administrator must test it.`
    : `The identity provider of "${name}" does not answer. Try again.`
  return new ReportedError('identity_provider_unavailable', words, { cause, retry_after_seconds: isWrong ? 60 : 5 })
}
