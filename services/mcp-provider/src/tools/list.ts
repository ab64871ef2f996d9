import { type ErrorCode, ReportedError, toReported } from '@onbehalf/errors'
import type { Asker } from '../asker.ts'
import { isForwarding, type Provider } from '../providers/provider.ts'
import { catalogueOf } from './catalogue.ts'
import type { McpLister } from './mcp-lister.ts'
import type { Listing } from './tool.ts'

/** A token for the asker at the provider's server. */
export type AskToken = (provider: Provider, asker: Asker) => Promise<string>

type Tools = {
  mcp: Pick<McpLister, 'list'>
  askToken: AskToken
  /** Hears of what went wrong, with its cause. */
  report: (provider: Provider, error: unknown) => void
}

/** Asks a provider's server for its tools, as whoever asks where identity is forwarded. What fails is part of the answer. */
export type ListTools = (provider: Provider, asker: Asker) => Promise<Listing>

export const createListTools =
  ({ mcp, askToken, report }: Tools): ListTools =>
  async (provider, asker) => {
    try {
      const headers = await headersFor(provider, asker, askToken)
      const { server_url: url, timeout, sse_read_timeout } = provider.settings
      const timing = { timeoutMs: timeout * 1000, sseReadTimeoutMs: sse_read_timeout * 1000 }
      const carriesCredential = Object.keys(headers).length > 0
      const tools = catalogueOf(await mcp.list({ url, headers, ...timing }, { carriesCredential }))
      return { tools_status: 'fresh', tools_error: null, tools }
    } catch (thrown) {
      report(provider, thrown)
      return failureOf(toReported(thrown), provider)
    }
  }

const headersFor = async (provider: Provider, asker: Asker, askToken: AskToken): Promise<Record<string, string>> => {
  const { headers } = provider.settings
  if (!isForwarding(provider.settings)) return headers
  const token = await askToken(provider, asker).catch((cause: unknown) => {
    throw new NoIdentity(cause)
  })
  const others = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization')
  return { ...Object.fromEntries(others), authorization: `Bearer ${token}` }
}

/** No token was to be had, so nothing was sent. */
class NoIdentity extends ReportedError {
  constructor(cause: unknown) {
    const { code, message, extras } = toReported(cause)
    super(code, message, { ...extras, cause })
    this.name = 'NoIdentity'
  }
}

const wantsIdentity: readonly ErrorCode[] = ['upstream_unauthorized', 'upstream_insufficient_scope']

const failureOf = (error: ReportedError, { settings }: Provider): Listing => {
  if (error instanceof NoIdentity) return { tools_status: 'needs_identity', tools_error: withLink(error) }
  if (!wantsIdentity.includes(error.code)) return { tools_status: 'unreachable', tools_error: error.message }
  const words = isForwarding(settings)
    ? 'The MCP server does not accept the identity that was forwarded to it.'
    : 'The MCP server answers, but wants a credential: give it headers, or forward the identity of its users.'
  return { tools_status: 'needs_identity', tools_error: words }
}

const withLink = ({ message, extras }: ReportedError): string =>
  extras.connect_url ? `${message} ${extras.connect_url}` : message
