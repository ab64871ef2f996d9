import type { Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { LRUCache } from 'lru-cache'
import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  customFetch,
  discovery,
  None
} from 'openid-client'
import type { ClientAuthentication, Connection } from '../database.ts'
import type { ConnectionStore } from './store.ts'

const authentications: Readonly<Record<ClientAuthentication, (secret?: string) => ClientAuth>> = {
  basic: ClientSecretBasic,
  post: ClientSecretPost,
  none: () => None()
}

/** The tenant's client at its IdP: what discovery told, and how the client authenticates. */
export type OidcClient = {
  configuration: Configuration
  tokenEndpoint: string
  revocationEndpoint: string | undefined
  secret: string | undefined
}

export type FindClient = (connection: Connection) => Promise<OidcClient>

const heldMs = 10 * 60_000

/** Discovers connections through the egress guard, and keeps what was found for ten minutes and one revision. */
export const createClients = (connections: Pick<ConnectionStore, 'secretOf'>, egress: Egress): FindClient => {
  const held = new LRUCache<string, Promise<OidcClient>>({ max: 1_000, ttl: heldMs })
  const discover = async (connection: Connection): Promise<OidcClient> => {
    const secret = await connections.secretOf(connection)
    const configuration = await discovery(
      new URL(connection.issuer),
      connection.client_id,
      {},
      authentications[connection.client_authentication](secret),
      // Whether http is acceptable is the guard's decision: it allows it for listed loopback addresses only.
      { [customFetch]: egress.fetch, execute: [allowInsecureRequests] }
    ).catch((cause: unknown) => {
      throw unavailable(connection, cause)
    })
    const { token_endpoint, revocation_endpoint } = configuration.serverMetadata()
    if (!token_endpoint) throw unavailable(connection, new Error('no token_endpoint in the metadata'))
    return { configuration, tokenEndpoint: token_endpoint, revocationEndpoint: revocation_endpoint, secret }
  }
  return (connection) => {
    const key = `${connection.id} ${connection.revision}`
    const known = held.get(key)
    if (known) return known
    const found = discover(connection)
    held.set(key, found)
    found.catch(() => held.delete(key))
    return found
  }
}

const unavailable = ({ name }: Connection, cause: unknown) =>
  new ReportedError('identity_provider_unavailable', `The identity provider of "${name}" does not answer. Try again.`, {
    cause,
    retry_after_seconds: 5
  })
