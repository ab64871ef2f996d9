import { randomUUID } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'
import type { SigningKey } from '@onbehalf/rpc'
import { SignJWT } from 'jose'
import type { Connection } from '../database.ts'
import type { ClientAuthentication } from './vocabulary.ts'

/** Adds what shows who our client is to a request of the token or revocation endpoint. */
export type Authenticate = (body: URLSearchParams, headers: Headers) => Promise<void>

/** What a connection authenticates with: the secret as it is stored, or our own key for this connection. */
export type Credentials = { secret: string | undefined; findKey: () => Promise<SigningKey> }

type Client = Pick<Connection, 'name' | 'kind' | 'client_id' | 'client_authentication' | 'issuer' | 'quirks'>
type By = (client: Client, credentials: Credentials, tokenEndpoint: string) => Authenticate

const assertionSeconds = 60

const methods: Readonly<Record<ClientAuthentication, By>> = {
  // RFC 6749 §2.3.1
  basic: ({ name, client_id, quirks }, { secret }) => {
    const encode = quirks.includes('basic_not_encoded') ? (value: string) => value : formEncode
    const pair = `${encode(client_id)}:${encode(required(name, secret))}`
    const authorization = `Basic ${Buffer.from(pair).toString('base64')}`
    return async (_body, headers) => headers.set('authorization', authorization)
  },
  post: ({ name, client_id }, { secret }) => {
    const client_secret = required(name, secret)
    return async (body) => {
      body.set('client_id', client_id)
      body.set('client_secret', client_secret)
    }
  },
  // RFC 7523 §2.2 and §3
  private_key_jwt:
    ({ kind, client_id, issuer, quirks }, { findKey }, tokenEndpoint) =>
    async (body) => {
      // Only discovery ties an endpoint to its issuer: where there is none, nobody else may find the assertion of use.
      const isForIssuer = kind === 'oidc' && !quirks.includes('assertion_for_token_endpoint')
      const audience = isForIssuer ? issuer : tokenEndpoint
      body.set('client_id', client_id)
      body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
      body.set('client_assertion', await signAssertion(client_id, audience, await findKey()))
    },
  none:
    ({ client_id }) =>
    async (body) => {
      body.set('client_id', client_id)
    }
}

/** How the client of a connection authenticates. Throws where it has to with a secret that is not there. */
export const authenticationOf: By = (client, credentials, tokenEndpoint) =>
  methods[client.client_authentication](client, credentials, tokenEndpoint)

const formEncode = (value: string): string => new URLSearchParams({ v: value }).toString().slice(2)

const required = (name: string, secret: string | undefined): string => {
  if (secret) return secret
  throw new ReportedError(
    'identity_provider_unavailable',
    `The connection "${name}" leads elsewhere than its client_secret was given for. An administrator must give it anew.`,
    { retry_after_seconds: 60 }
  )
}

const signAssertion = (clientId: string, audience: string, { kid, privateKey }: SigningKey): Promise<string> => {
  const issuedAt = Math.floor(Date.now() / 1000)
  return new SignJWT()
    .setProtectedHeader({ alg: 'ES256', kid })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + assertionSeconds)
    .sign(privateKey)
}
