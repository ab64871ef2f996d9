import type { Egress } from '@onbehalf/egress'
import { unusable } from './document.ts'
import { type Resource, readResource } from './resource.ts'
import { readServer, type ServerMetadata } from './server.ts'

type Guard = Pick<Egress, 'request' | 'checkReachable'>

/**
 * What the authorization server `issuer` of an MCP server says about itself, where the server names it. Throws
 * `audience_not_supported` where that is not so, `upstream_unavailable` where one of them does not answer.
 */
export const discover = async (egress: Guard, where: Resource, issuer: string): Promise<ServerMetadata> => {
  const { resource, authorization_servers = [] } = await readResource(egress, where)
  // The token that comes is for this audience alone.
  if (resource !== where.resource) throw unusable('The metadata of the server is of another resource.')
  if (!authorization_servers.includes(issuer))
    throw unusable('The server does not name authentication.issuer as its authorization server.')
  return readServer(egress, issuer)
}
