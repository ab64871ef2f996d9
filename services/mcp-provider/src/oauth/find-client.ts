import type { Egress } from '@onbehalf/egress'
import type { ServerMetadata } from '../authorization/server.ts'
import type { Authentication } from '../providers/provider.ts'
import type { Callbacks } from './callbacks.ts'
import type { OauthClient } from './client.ts'
import type { ClientStore } from './client-store.ts'
import type { GrantType } from './credential.ts'
import type { ClientDocument } from './document.ts'
import { ownClient } from './own-client.ts'
import { misfit } from './problems.ts'
import { registerClient } from './register-client.ts'

type Needs = {
  clients: Pick<ClientStore, 'find' | 'findKnown' | 'keep'>
  egress: Pick<Egress, 'request' | 'checkReachable'>
  document: ClientDocument
  callbacks: Callbacks
  now: () => number
}

/** For which provider a client is wanted. `pinned`: where the provider's own client was used first. */
type For = {
  tenant_id: string
  authentication: Authentication | null
  pinned: string | null
  grant_type: GrantType
}

export type FindClient = (server: ServerMetadata, wanted: For) => Promise<OauthClient>
export type FindKnownClient = (
  server: ServerMetadata,
  wanted: For & { client_id: string }
) => Promise<OauthClient | undefined>

/**
 * Our client at an authorization server: the provider's own, our metadata document, or one that is registered there (RFC
 * 7591), now or before, in this order. What was given for one server is shown to no other.
 */
export const createFindClient =
  ({ clients, egress, document, callbacks, now }: Needs): FindClient =>
  async (server, { tenant_id, authentication, pinned, grant_type }) => {
    if (authentication) return ownClient(server, authentication, { pinned, grant_type })
    if (grant_type === 'client_credentials')
      throw misfit('The grant client_credentials needs a client of your own there: give it as authentication.')
    if (document.isFetchable && takesDocument(server)) return ofDocument(document)
    const redirect_uri = callbacks.of(server.issuer)
    const key = { tenant_id, issuer: server.issuer, redirect_uri }
    const register = () => registerClient(egress, server, document.registrationFor(redirect_uri), now())
    return (await clients.find(key)) ?? clients.keep(key, await register(), now())
  }

/**
 * The client that a code or a token was given to; undefined where it is ours no more, or the provider's own one is not
 * known to be for this server: its secret may be a new one, for another. Registers nothing.
 */
export const createFindKnownClient =
  ({ clients, document }: Pick<Needs, 'clients' | 'document'>): FindKnownClient =>
  async (server, { tenant_id, authentication, pinned, grant_type, client_id }) => {
    if (authentication) {
      const isTheirs = authentication.client_id === client_id && (authentication.issuer ?? pinned) === server.issuer
      return isTheirs ? ownClient(server, authentication, { pinned, grant_type }) : undefined
    }
    if (client_id === document.client_id) return ofDocument(document)
    return clients.findKnown({ tenant_id, issuer: server.issuer, client_id })
  }

// Every server knows this client and its redirect URI, so that only `iss` tells which one answered.
const takesDocument = (server: ServerMetadata): boolean =>
  server.client_id_metadata_document_supported === true &&
  server.authorization_response_iss_parameter_supported === true

const ofDocument = ({ client_id }: ClientDocument): OauthClient => ({
  ...{ client_id, client_secret: null, token_endpoint_auth_method: 'none' }
})
