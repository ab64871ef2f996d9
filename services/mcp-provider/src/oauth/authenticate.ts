import { randomUUID } from 'node:crypto'
import type { SigningKey } from '@onbehalf/rpc'
import { SignJWT } from 'jose'
import type { AuthMethod, OauthClient } from './client.ts'

/** Where a client shows itself, and our key for it there. */
export type At = { issuer: string; findKey: () => Promise<SigningKey>; now: () => number }

type Form = { body: URLSearchParams; headers: Record<string, string> }
type Authenticate = (client: OauthClient, form: Form, at: At) => Promise<Form>

const assertionSeconds = 60

const methods: Readonly<Record<AuthMethod, Authenticate>> = {
  // RFC 6749 §2.3.1
  client_secret_basic: async ({ client_id, client_secret }, { body, headers }) => {
    const pair = `${formEncode(client_id)}:${formEncode(client_secret ?? '')}`
    return { body, headers: { ...headers, authorization: `Basic ${Buffer.from(pair).toString('base64')}` } }
  },
  client_secret_post: async ({ client_id, client_secret }, form) =>
    withFields(form, { client_id, client_secret: client_secret ?? '' }),
  // RFC 7523 §2.2 and §3
  private_key_jwt: async ({ client_id }, form, { issuer, findKey, now }) =>
    withFields(form, {
      client_id,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await signAssertion(client_id, issuer, await findKey(), now)
    }),
  none: async ({ client_id }, form) => withFields(form, { client_id })
}

/** A form of the token endpoint with what shows who our client is. */
export const authenticate = (client: OauthClient, fields: Record<string, string>, at: At): Promise<Form> => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
  return methods[client.token_endpoint_auth_method](client, { body: new URLSearchParams(fields), headers }, at)
}

const withFields = ({ body, headers }: Form, fields: Record<string, string>): Form => {
  for (const [name, value] of Object.entries(fields)) body.set(name, value)
  return { body, headers }
}

const formEncode = (value: string): string => new URLSearchParams({ v: value }).toString().slice(2)

const signAssertion = (
  clientId: string,
  audience: string,
  { kid, privateKey }: SigningKey,
  now: () => number
): Promise<string> => {
  const issuedAt = Math.floor(now() / 1000)
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
