import { checkUrl, type Egress } from '@onbehalf/egress'
import { type Static, Type } from '@sinclair/typebox'
import { firstOf, unusable } from './document.ts'

const Words = Type.Optional(Type.Array(Type.String()))
const Url = Type.Optional(Type.String())
const Yes = Type.Optional(Type.Boolean())

// RFC 8414 §2, as far as it is used; RFC 9207 §3 and the draft of client-id metadata documents.
const ServerMetadata = Type.Object({
  issuer: Type.String(),
  token_endpoint: Type.String(),
  authorization_endpoint: Url,
  registration_endpoint: Url,
  revocation_endpoint: Url,
  grant_types_supported: Words,
  scopes_supported: Words,
  code_challenge_methods_supported: Words,
  token_endpoint_auth_methods_supported: Words,
  authorization_response_iss_parameter_supported: Yes,
  client_id_metadata_document_supported: Yes
})
export type ServerMetadata = Static<typeof ServerMetadata>

type Guard = Pick<Egress, 'request' | 'checkReachable'>

/**
 * What an authorization server says about itself; it must call itself `issuer` byte for byte, and its token endpoint must
 * be where a credential may be sent. Throws as `readResource` does.
 */
export const readServer = async (egress: Guard, issuer: string): Promise<ServerMetadata> => {
  const { document: server } = (await firstOf(egress, serverUrls(issuer), ServerMetadata)) ?? {}
  if (!server) throw unusable('The authorization server of the server has no metadata (RFC 8414).')
  if (server.issuer !== issuer) throw unusable('The authorization server calls itself by another issuer.')
  await checkEndpoint(egress, 'token_endpoint', server.token_endpoint)
  return server
}

/** Throws where an endpoint that somebody told us of may not be called. */
export const checkEndpoint = (egress: Pick<Egress, 'checkReachable'>, name: string, url: string): Promise<void> =>
  egress.checkReachable(url, { carriesCredential: true }).catch((cause: unknown) => {
    throw unusable(`The ${name} of the authorization server may not be called.`, cause)
  })

/** RFC 8414 §3.1 and §5: inserted before the issuer's path, then as OpenID Connect has it: inserted, and appended. */
const serverUrls = (issuer: string): string[] => {
  const { origin, pathname } = checkUrl(issuer)
  const path = pathname.replace(/\/$/, '')
  const inserted = ['oauth-authorization-server', 'openid-configuration'].map(
    (name) => `${origin}/.well-known/${name}${path}`
  )
  return path === '' ? inserted : [...inserted, `${origin}${path}/.well-known/openid-configuration`]
}
