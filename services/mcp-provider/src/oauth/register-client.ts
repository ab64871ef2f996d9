import type { Egress } from '@onbehalf/egress'
import { matches } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { checkEndpoint, type ServerMetadata } from '../authorization/server.ts'
import { type AuthMethod, authMethods, type Registration } from './client.ts'
import type { ClientDocument } from './document.ts'
import { chooseMethod } from './own-client.ts'
import { misfit } from './problems.ts'

// RFC 7591 §3.2.1
const Registered = Type.Object({
  client_id: Type.String({ minLength: 1, maxLength: 2048 }),
  client_secret: Type.Optional(Type.Union([Type.String({ maxLength: 4096 }), Type.Null()])),
  /** Seconds since the epoch; 0 where it does not end. */
  client_secret_expires_at: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
  token_endpoint_auth_method: Type.Optional(Type.Unknown())
})

const registrable: readonly AuthMethod[] = ['client_secret_basic', 'client_secret_post', 'none']
const toldMax = 1_000
// A century: a date that Postgres and JavaScript both have, whatever a server says.
const endMsMax = 100 * 365 * 86_400_000

/** Registers our client at an authorization server (RFC 7591), for one redirect URI. */
export const registerClient = async (
  egress: Pick<Egress, 'request' | 'checkReachable'>,
  server: ServerMetadata,
  metadata: ReturnType<ClientDocument['registrationFor']>,
  now: number
): Promise<Registration> => {
  const { registration_endpoint: endpoint } = server
  if (!endpoint)
    throw misfit(
      `The authorization server registers no clients. Register one there, with the redirect URI ${metadata.redirect_uris[0]}, and give it as authentication.`
    )
  await checkEndpoint(egress, 'registration_endpoint', endpoint)
  const token_endpoint_auth_method = chooseMethod(server, registrable)
  const response = await egress.request(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ ...metadata, token_endpoint_auth_method }),
    carriesCredential: true,
    ...{ timeoutMs: 10_000, maxBytes: 256 * 1024 }
  })
  if (response.status !== 200 && response.status !== 201) {
    const cause = new Error((await response.text()).slice(0, toldMax))
    throw misfit(
      `The authorization server registered no client: it answered ${response.status}. Register one there yourself, with the redirect URI ${metadata.redirect_uris[0]}, and give it as authentication.`,
      cause
    )
  }
  const answer = await response.json()
  if (!matches(Registered, answer))
    throw misfit(
      'The authorization server registered a client that is none. Register one there yourself and give it as authentication.'
    )
  const told = authMethods.find((method) => method === answer.token_endpoint_auth_method)
  const client_secret = answer.client_secret || null
  const method = told ?? token_endpoint_auth_method
  const client = {
    ...{ client_id: answer.client_id, client_secret },
    token_endpoint_auth_method: client_secret === null && method !== 'private_key_jwt' ? 'none' : method
  } as const
  // A secret that is never shown may end whenever it likes.
  const isShown = client.token_endpoint_auth_method.startsWith('client_secret_')
  return { client, secretExpiresAt: isShown ? endOf(answer.client_secret_expires_at, now) : null }
}

const endOf = (seconds: number | null | undefined, now: number): number | null => {
  if (!seconds) return null
  if (seconds * 1000 > now) return Math.min(seconds * 1000, now + endMsMax)
  throw misfit(
    'The authorization server registered a client whose secret has ended already. Tell whoever runs it, or register a client there yourself and give it as authentication.'
  )
}
