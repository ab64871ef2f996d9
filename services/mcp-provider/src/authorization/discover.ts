import { checkUrl, type Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { matches } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'

const Words = Type.Optional(Type.Array(Type.String()))

// RFC 9728 §2
const ResourceMetadata = Type.Object({ resource: Type.String(), authorization_servers: Words })

// RFC 8414 §2, as far as it is used.
const ServerMetadata = Type.Object({
  issuer: Type.String(),
  token_endpoint: Type.String(),
  grant_types_supported: Words,
  token_endpoint_auth_methods_supported: Words
})
export type ServerMetadata = Static<typeof ServerMetadata>

type Guard = Pick<Egress, 'request' | 'checkReachable'>

const limits = { timeoutMs: 5_000, maxBytes: 256 * 1024 }

/**
 * What the authorization server `issuer` of an MCP server says about itself. The server must name it, it must call
 * itself so byte for byte, and its token endpoint must be where a credential may be sent. Throws
 * `audience_not_supported` where that is not so, `upstream_unavailable` where one of them does not answer.
 */
export const discover = async (egress: Guard, serverUrl: string, issuer: string): Promise<ServerMetadata> => {
  const resource = await firstOf(egress, resourceUrls(serverUrl), ResourceMetadata)
  if (!resource) throw unusable('The server does not say which authorization server it has (RFC 9728).')
  if (resource.resource !== serverUrl) throw unusable('The metadata of the server is of another resource.')
  if (!resource.authorization_servers?.includes(issuer))
    throw unusable('The server does not name authentication.issuer as its authorization server.')
  const server = await firstOf(egress, serverUrls(issuer), ServerMetadata)
  if (!server) throw unusable('The authorization server of the server has no metadata (RFC 8414).')
  if (server.issuer !== issuer) throw unusable('The authorization server calls itself by another issuer.')
  await egress.checkReachable(server.token_endpoint, { carriesCredential: true }).catch((cause: unknown) => {
    throw unusable('The token_endpoint of the authorization server may not be called.', cause)
  })
  return server
}

/** RFC 9728 §3.1: the path of the server after the well-known one; then the root's. */
const resourceUrls = (serverUrl: string): string[] => {
  const { origin, pathname } = checkUrl(serverUrl)
  const root = `${origin}/.well-known/oauth-protected-resource`
  return pathname === '/' ? [root] : [`${root}${pathname}`, root]
}

/** RFC 8414 §3.1 and §5: inserted before the issuer's path, then as OpenID Connect has it: inserted, and appended. */
const serverUrls = (issuer: string): string[] => {
  const { origin, pathname } = checkUrl(issuer)
  const path = pathname.replace(/\/$/, '')
  const inserted = ['oauth-authorization-server', 'openid-configuration'].map(
    (name) => `${origin}/.well-known/${name}${path}`
  )
  return path === '' ? inserted : [...inserted, `${origin}${path}/.well-known/openid-configuration`]
}

/** The first document of these that is there. What is away is not taken for what is not there. */
const firstOf = async <Schema extends typeof ResourceMetadata | typeof ServerMetadata>(
  egress: Guard,
  urls: readonly string[],
  schema: Schema
): Promise<Static<Schema> | undefined> => {
  for (const url of urls) {
    // What we believe because of it decides where a secret is sent, so it must not be changed on the way.
    const asked = { ...limits, headers: { accept: 'application/json' }, carriesCredential: true }
    const response = await egress.request(url, asked).catch(refuseUnlessAway)
    if (response.status === 200) {
      const document = await response.json().catch(refuseUnlessAway)
      if (matches(schema, document)) return document
      throw unusable(`The metadata at ${url} is not as it must be.`)
    }
    response.discard()
    if (response.status >= 500 || response.status === 429)
      throw new ReportedError('upstream_unavailable', `"${new URL(url).host}" answered ${response.status}.`)
  }
  return undefined
}

const away: ReadonlySet<string> = new Set(['upstream_unavailable', 'upstream_timeout'])

const refuseUnlessAway = (cause: unknown): never => {
  const isAway = cause instanceof ReportedError && away.has(cause.code)
  throw isAway ? cause : unusable('The metadata of the server, or of its authorization server, cannot be read.', cause)
}

const unusable = (message: string, cause?: unknown) => new ReportedError('audience_not_supported', message, { cause })
