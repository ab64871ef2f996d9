import { checkUrl, type Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { matches } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { checkEndpoint, type ServerMetadata } from '../authorization/server.ts'
import type { Authentication } from '../providers/provider.ts'
import { type AuthMethod, authMethods, type OauthClient } from './client.ts'
import type { ClientStore } from './client-store.ts'
import type { GrantType } from './credential.ts'
import { type ClientDocument, misfit } from './document.ts'

type Needs = {
  clients: Pick<ClientStore, 'find' | 'keep'>
  egress: Pick<Egress, 'request' | 'checkReachable'>
  document: ClientDocument
}

/** For which provider a client is wanted. `pinned`: where the provider's own client was used first. */
type For = {
  tenant_id: string
  authentication: Authentication | null
  pinned: string | null
  grant_type: GrantType
}

export type FindClient = (server: ServerMetadata, wanted: For) => Promise<OauthClient>

/**
 * Our client at an authorization server: the provider's own, the one that was registered there before, our metadata
 * document, or one that is registered now (RFC 7591), in this order. What was given for one server is shown to no other.
 */
export const createFindClient =
  ({ clients, egress, document }: Needs): FindClient =>
  async (server, { tenant_id, authentication, pinned, grant_type }) => {
    if (authentication) return givenClient(server, authentication, { pinned, grant_type })
    if (grant_type === 'client_credentials')
      throw misfit('The grant client_credentials needs a client of your own there: give it as authentication.')
    if (server.client_id_metadata_document_supported && document.isFetchable)
      return { client_id: document.client_id, client_secret: null, token_endpoint_auth_method: 'none' }
    const key = { tenant_id, issuer: server.issuer }
    return (await clients.find(key)) ?? clients.keep(key, await register(egress, server, document))
  }

const givenClient = (
  server: ServerMetadata,
  { client_id, client_secret, issuer }: Authentication,
  { pinned, grant_type }: Pick<For, 'pinned' | 'grant_type'>
): OauthClient => {
  if ((issuer ?? pinned ?? server.issuer) !== server.issuer) throw anotherServer(server)
  const usable = client_secret === null ? withoutSecret[grant_type] : withSecret
  return { client_id, client_secret, token_endpoint_auth_method: chooseMethod(server, usable) }
}

const anotherServer = ({ issuer }: ServerMetadata) =>
  new ReportedError(
    'upstream_error',
    `The server names another authorization server ("${checkUrl(issuer).host}") than the one that authentication was given for. If that is right, give authentication anew.`,
    { details: [{ path: 'authentication', message: 'was given for another authorization server' }] }
  )

const withSecret: readonly AuthMethod[] = ['client_secret_basic', 'client_secret_post']
const withoutSecret: Readonly<Record<GrantType, readonly AuthMethod[]>> = {
  authorization_code: ['none', 'private_key_jwt'],
  client_credentials: ['private_key_jwt']
}
const registrable: readonly AuthMethod[] = ['client_secret_basic', 'client_secret_post', 'none']

/** RFC 8414 §2: basic, where it does not say; and a client without a secret has none to show then. */
const chooseMethod = (
  { token_endpoint_auth_methods_supported: supported }: ServerMetadata,
  usable: readonly AuthMethod[]
): AuthMethod => {
  const [first] = usable
  const found = supported ? usable.find((method) => supported.includes(method)) : first
  if (found) return found
  throw misfit(`The authorization server takes none of ${usable.join(', ')} at its token endpoint.`)
}

// RFC 7591 §3.2.1
const Registered = Type.Object({
  client_id: Type.String({ minLength: 1, maxLength: 2048 }),
  client_secret: Type.Optional(Type.Union([Type.String({ maxLength: 4096 }), Type.Null()])),
  token_endpoint_auth_method: Type.Optional(Type.Unknown())
})

const toldMax = 1_000

const register = async (
  egress: Needs['egress'],
  server: ServerMetadata,
  { metadata }: ClientDocument
): Promise<OauthClient> => {
  const { registration_endpoint: endpoint } = server
  if (!endpoint)
    throw misfit('The authorization server registers no clients. Register one there, and give it as authentication.')
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
    throw misfit(`The authorization server registered no client: it answered ${response.status}.`, cause)
  }
  const answer = await response.json()
  if (!matches(Registered, answer)) throw misfit('The authorization server registered a client that is none.')
  const told = authMethods.find((method) => method === answer.token_endpoint_auth_method)
  const client_secret = answer.client_secret || null
  const method = told ?? token_endpoint_auth_method
  return {
    ...{ client_id: answer.client_id, client_secret },
    token_endpoint_auth_method: client_secret === null && method !== 'private_key_jwt' ? 'none' : method
  }
}
