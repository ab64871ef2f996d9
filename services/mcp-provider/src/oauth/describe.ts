import type { Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { holdMetadata } from '../authorization/held.ts'
import { type ResourceMetadata, readResource } from '../authorization/resource.ts'
import { readServer, type ServerMetadata } from '../authorization/server.ts'
import { audienceOf, type Settings } from '../providers/provider.ts'
import { readChallenge } from './challenge.ts'
import { misfit } from './problems.ts'

/** What an MCP server and its authorization server say about themselves. */
export type Described = { resource: ResourceMetadata; server: ServerMetadata; challengeScope: string | undefined }

export type Authorizations = {
  /** As it is now, with what the server's WWW-Authenticate says. `known`: issuers that it should stay with if it can. */
  describe: (
    settings: Settings,
    asked: { challenge?: string | undefined; known: readonly string[] }
  ) => Promise<Described>
  /** What an authorization server says; held for ten minutes. */
  serverOf: (issuer: string) => Promise<ServerMetadata>
}

/** What is discovered for the credentials of providers; the resource is read anew each time, since it decides. */
export const createAuthorizations = (egress: Pick<Egress, 'request' | 'checkReachable'>): Authorizations => {
  const held = holdMetadata()
  const read = (issuer: string): Promise<ServerMetadata> =>
    held.hold(issuer, readServer(egress, issuer).catch(asMisfit))
  return {
    describe: async (settings, { challenge, known }) => {
      const { resource_metadata: metadata_url, scope: challengeScope } = readChallenge(challenge)
      const resource = await readResource(egress, { ...whereabouts(settings), metadata_url }).catch(asMisfit)
      const named = resource.authorization_servers ?? []
      const issuer = known.find((one) => named.includes(one)) ?? named[0]
      if (issuer === undefined) throw misfit('The server names no authorization server in its metadata (RFC 9728).')
      return { resource, server: await read(issuer), challengeScope }
    },
    serverOf: async (issuer) => held.get(issuer) ?? read(issuer)
  }
}

const whereabouts = (settings: Settings) => ({ server_url: settings.server_url, resource: audienceOf(settings) })

/** Here it is the server that does not fit, not an audience. */
const asMisfit = (error: unknown): never => {
  if (error instanceof ReportedError && error.code === 'audience_not_supported') throw misfit(error.message, error)
  throw error
}
