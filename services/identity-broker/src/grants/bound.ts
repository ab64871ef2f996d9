import type { IdpClient } from '../connections/client.ts'
import type { Grant } from '../database.ts'

/** A grant never goes to another place than the one that issued it, whoever changed the connection or its metadata. */
export const isBoundTo = (
  { issuer, token_endpoint, client_id }: Pick<Grant, 'issuer' | 'token_endpoint' | 'client_id'>,
  client: Pick<IdpClient, 'issuer' | 'tokenEndpoint' | 'clientId'>
): boolean => issuer === client.issuer && token_endpoint === client.tokenEndpoint && client_id === client.clientId
