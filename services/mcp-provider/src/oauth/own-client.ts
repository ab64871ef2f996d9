import { checkUrl } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import type { ServerMetadata } from '../authorization/server.ts'
import type { Authentication } from '../providers/provider.ts'
import type { AuthMethod, OauthClient } from './client.ts'
import type { GrantType } from './credential.ts'
import { misfit } from './problems.ts'

/** `pinned`: where the provider's own client was used first. */
type Wanted = { pinned: string | null; grant_type: GrantType }

/** The provider's own client, at the authorization server that it was given for. */
export const ownClient = (
  server: ServerMetadata,
  { client_id, client_secret, issuer }: Authentication,
  { pinned, grant_type }: Wanted
): OauthClient => {
  if ((issuer ?? pinned ?? server.issuer) !== server.issuer) throw anotherServer(server)
  const usable = client_secret === null ? withoutSecret[grant_type] : withSecret
  return { client_id, client_secret, token_endpoint_auth_method: chooseMethod(server, usable) }
}

const anotherServer = ({ issuer }: ServerMetadata) =>
  new ReportedError(
    'upstream_error',
    `The server names another authorization server ("${checkUrl(issuer).host}") than the one that authentication was given for. If that is right, give authentication anew, with the issuer of that one.`,
    { details: [{ path: 'authentication', message: 'was given for another authorization server' }] }
  )

const withSecret: readonly AuthMethod[] = ['client_secret_basic', 'client_secret_post']
const withoutSecret: Readonly<Record<GrantType, readonly AuthMethod[]>> = {
  authorization_code: ['none', 'private_key_jwt'],
  client_credentials: ['private_key_jwt']
}

/** RFC 8414 §2: basic, where it does not say; and a client without a secret has none to show then. */
export const chooseMethod = (
  { token_endpoint_auth_methods_supported: supported }: ServerMetadata,
  usable: readonly AuthMethod[]
): AuthMethod => {
  const [first] = usable
  const found = supported ? usable.find((method) => supported.includes(method)) : first
  if (found) return found
  throw misfit(`The authorization server takes none of ${usable.join(', ')} at its token endpoint.`)
}
