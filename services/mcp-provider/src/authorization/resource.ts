import { checkUrl, type Egress } from '@onbehalf/egress'
import { type Static, Type } from '@sinclair/typebox'
import { firstOf, unusable } from './document.ts'

const Words = Type.Optional(Type.Array(Type.String()))

// RFC 9728 §2
const ResourceMetadata = Type.Object({
  resource: Type.String(),
  authorization_servers: Words,
  scopes_supported: Words
})
export type ResourceMetadata = Static<typeof ResourceMetadata>

/** An MCP server: where it is, what its tokens are for, and where its 401 says that its metadata is. */
export type Resource = { server_url: string; resource: string; metadata_url?: string | undefined }

/**
 * What an MCP server says about itself (RFC 9728), its `resource` ours byte for byte. Throws `audience_not_supported`
 * where it says nothing usable, `upstream_unavailable` where it does not answer.
 */
export const readResource = async (
  egress: Pick<Egress, 'request'>,
  { server_url, resource, metadata_url }: Resource
): Promise<ResourceMetadata> => {
  const urls = [...(metadata_url ? [metadata_url] : []), ...resourceUrls(server_url)]
  const found = await firstOf(egress, urls, ResourceMetadata)
  if (!found) throw unusable('The server does not say which authorization server it has (RFC 9728).')
  const told = found.document.resource
  if (told !== resource && !isRootOf(found.url, server_url, told))
    throw unusable('The metadata of the server is of another resource. An administrator can set the resource id.')
  return found.document
}

/**
 * RFC 9728 §3.3: what is read at the root's place is of the whole origin, and says just that. Of the server's own origin:
 * its 401 names any place it likes, and would be given a token that is for another server.
 */
const isRootOf = (url: string, serverUrl: string, resource: string): boolean => {
  const { origin, pathname } = checkUrl(url)
  const isOwn = origin === checkUrl(serverUrl).origin
  return isOwn && pathname === wellKnown && (resource === origin || resource === `${origin}/`)
}

const wellKnown = '/.well-known/oauth-protected-resource'

/** RFC 9728 §3.1: the path of the server after the well-known one; then the root's. */
const resourceUrls = (serverUrl: string): string[] => {
  const { origin, pathname } = checkUrl(serverUrl)
  const root = `${origin}${wellKnown}`
  return pathname === '/' ? [root] : [`${root}${pathname}`, root]
}
