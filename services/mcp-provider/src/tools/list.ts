import { type ErrorCode, ReportedError, toReported } from '@onbehalf/errors'
import { type McpTool, UpstreamUnauthorized } from '@onbehalf/mcp'
import { isForwarding, type Provider, type Settings } from '../providers/provider.ts'
import { catalogueOf } from './catalogue.ts'
import type { IdentityOf, ListedFor } from './identity.ts'
import type { McpLister } from './mcp-lister.ts'
import { type Reached, targetOf } from './target.ts'
import type { Listing } from './tool.ts'

type Tools = {
  mcp: Pick<McpLister, 'list'>
  identityOf: IdentityOf
  credentialOf: CredentialOf
  /** Hears of what went wrong, with its cause. */
  report: (provider: Provider, error: unknown) => void
}

/** What the server's own authorization server gave, for the asker or their tenant. */
export type CredentialOf = (provider: Provider, asker: ListedFor) => Promise<string | null>

/** Asks a provider's server for its tools, as whoever asks where identity is forwarded. What fails is part of the answer. */
export type ListTools = (provider: Provider, asker: ListedFor) => Promise<Listing>

/** The same of a server that is not stored so yet: as nobody, because no token can be for it. */
export type TryTools = (server: Reached) => Promise<Listing>

export const createTryTools =
  ({ mcp, report }: { mcp: Pick<McpLister, 'list'>; report: (error: unknown) => void }): TryTools =>
  async (server) => {
    const { settings } = server
    try {
      const headers = isForwarding(settings) ? withoutAuthorization(settings.headers) : settings.headers
      return { tools_status: 'fresh', tools_error: null, ...(await catalogueOf(await ask(mcp, server, headers))) }
    } catch (thrown) {
      report(thrown)
      return failureOf(toReported(thrown), settings)
    }
  }

export const createListTools =
  ({ mcp, identityOf, credentialOf, report }: Tools): ListTools =>
  async (provider, asker) => {
    const { settings } = provider
    try {
      const listed = isForwarding(settings)
        ? await listAs(mcp, provider, identityOf(provider, asker))
        : await listWith(mcp, provider, await credentialOf(provider, asker))
      return { tools_status: 'fresh', tools_error: null, ...(await catalogueOf(listed)) }
    } catch (thrown) {
      report(provider, thrown)
      return failureOf(toReported(thrown), settings)
    }
  }

type Mcp = Pick<McpLister, 'list'>

const ask = (mcp: Mcp, provider: Reached, headers: Record<string, string>): Promise<McpTool[]> =>
  mcp.list(targetOf(provider, headers), { carriesCredential: Object.keys(headers).length > 0 })

const listWith = (mcp: Mcp, provider: Reached, credential: string | null): Promise<McpTool[]> =>
  ask(mcp, provider, headersWith(provider.settings, credential))

/** The provider's own headers, and the credential in the place of their Authorization where there is one. */
export const headersWith = ({ headers }: Settings, credential: string | null): Record<string, string> =>
  credential === null ? headers : stamped(headers, credential)

/** With a token, and once more with another one where the server answered nothing but 401. */
const listAs = async (mcp: Mcp, provider: Reached, identity: ReturnType<IdentityOf>): Promise<McpTool[]> => {
  const { headers } = provider.settings
  const token = await identity.get().catch(withoutIdentity)
  try {
    return await ask(mcp, provider, stamped(headers, token))
  } catch (error) {
    if (!(error instanceof UpstreamUnauthorized && error.isOnlyAnswer)) throw error
    const another = await identity.reissue(token).catch(withoutIdentity)
    if (another === token) throw error
    return await ask(mcp, provider, stamped(headers, another))
  }
}

/** The token takes the place of any Authorization of the provider's own. */
const stamped = (headers: Record<string, string>, token: string): Record<string, string> => ({
  ...withoutAuthorization(headers),
  authorization: `Bearer ${token}`
})

const withoutAuthorization = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'))

/** No token was to be had, so nothing was sent. */
class NoIdentity extends ReportedError {
  constructor(cause: unknown) {
    const { code, message, extras } = toReported(cause)
    super(code, message, { ...extras, cause })
    this.name = 'NoIdentity'
  }
}

const withoutIdentity = (cause: unknown): never => {
  throw new NoIdentity(cause)
}

const wantsIdentity: readonly ErrorCode[] = ['upstream_unauthorized', 'upstream_insufficient_scope']

const failureOf = (error: ReportedError, settings: Settings): Listing => {
  if (error instanceof NoIdentity) return { tools_status: 'needs_identity', tools_error: withLink(error) }
  if (error.code === 'upstream_authorization_required')
    return { tools_status: 'needs_identity', tools_error: withLink(error) }
  if (!wantsIdentity.includes(error.code)) return { tools_status: 'unreachable', tools_error: error.message }
  const words = isForwarding(settings)
    ? 'The MCP server does not accept the identity that was forwarded to it.'
    : 'The MCP server answers, but wants a credential: authorize it, give it headers, or forward the identity of its users.'
  return { tools_status: 'needs_identity', tools_error: words }
}

const withLink = ({ message, extras }: ReportedError): string =>
  [message, extras.connect_url ?? extras.authorize_url].filter((part) => part !== undefined).join(' ')
