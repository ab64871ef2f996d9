import type { ProviderSettings } from '@onbehalf/contracts'
import { type CallSignal, untilAborted } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import {
  type Bearer,
  type CalledTool,
  listenMethod,
  type McpClient,
  type McpEvent,
  type McpRequest,
  type MintedToken,
  type OnHeld,
  type Pass,
  type Tokens,
  UpstreamUnauthorized
} from '@onbehalf/mcp'
import type { Gates } from '../gates/gates.ts'
import type { Acting } from './acting.ts'
import { headersAs } from './identity.ts'
import { askOnceMore, type Repeatable } from './once-more.ts'
import type { Identity } from './prepare.ts'

/** What the server is asked: to run a tool, or anything else that it offers. */
export type UpstreamRequest = Pick<McpRequest, 'method' | 'name' | 'params' | 'inputSchema'>

/** The MCP client that a call is for: what it can do, how it is asked, and the session it has with us. */
export type Peer = Pick<McpRequest, 'capabilities' | 'onRequest' | 'logLevel'> & { session?: string }

/** A call whose provider, caller and time are known. */
export type Outbound = {
  acting: Acting
  provider: ProviderSettings
  request: UpstreamRequest
  /** Whether it can be sent twice with nothing more coming of it. */
  mayBeRepeated: boolean
  peer: Peer
  timeout_ms: number
  signal: CallSignal
  onEvent: ((event: McpEvent) => void) | undefined
  onSend: (() => void) | undefined
  onHeld: OnHeld | undefined
  /** Who takes a large result as it comes. */
  pass: Pass | undefined
}

export type UpstreamTools = { mcp: Pick<McpClient, 'request'>; tokens: Pick<Tokens, 'reissue'>; gates: Gates }

export type Sending = Pick<UpstreamTools, 'mcp' | 'gates'>

/** Calls with a credential of the server's own OAuth, or with the provider's own headers alone where there is none. */
export const sendWith = (
  tools: Sending,
  outbound: Outbound,
  credential: ({ id: string } & Pick<Bearer, 'authorization'>) | null
): Promise<CalledTool> => {
  const { headers } = outbound.provider
  if (!credential) return send(tools, outbound, headers, 'static')
  return send(tools, outbound, headersAs(headers, credential), `oauth ${credential.id}`)
}

/**
 * Calls as the user. A 401 mints another token and repeats the call once, if nothing but the 401 was received; no
 * other credential is ever tried. `identity` has that token from then on.
 */
export const callAs = (
  tools: UpstreamTools,
  outbound: Outbound,
  identity: Identity,
  onReissued: (minted: MintedToken) => void
): Promise<CalledTool> =>
  sendAs(tools, outbound, identity.minted).catch(async (thrown: unknown) => {
    if (!(thrown instanceof UpstreamUnauthorized)) throw thrown
    if (!thrown.isOnlyAnswer) throw rejected(thrown)
    const { ask, minted } = identity
    const next = await untilAborted(tools.tokens.reissue(ask(), minted.token), outbound.signal)
    if (next.token === minted.token) throw rejected(thrown)
    identity.minted = next
    onReissued(next)
    return sendAs(tools, outbound, next).catch((again: unknown) => {
      throw again instanceof UpstreamUnauthorized ? rejected(again) : again
    })
  })

const sendAs = (tools: Sending, outbound: Outbound, minted: MintedToken): Promise<CalledTool> => {
  const { mode, grant_id } = minted.identity
  const headers = headersAs(outbound.provider.headers, minted)
  // A token that is good for one call is not good for its repetition.
  const sent = minted.reusable ? outbound : { ...outbound, mayBeRepeated: false }
  return send(tools, sent, headers, `${mode} ${grant_id ?? ''}`)
}

const send = (
  { mcp, gates }: Sending,
  outbound: Outbound,
  headers: Record<string, string>,
  credential: string
): Promise<CalledTool> => {
  const asked = mcpRequestOf(outbound, headers, credential)
  const sendOff = () => {
    outbound.onSend?.()
    return outbound.mayBeRepeated ? askOnceMore(mcp, asked) : mcp.request(asked)
  }
  const { provider, timeout_ms, signal } = outbound
  // Who only listens takes no call's place.
  if (asked.method === listenMethod) return gates.listening(provider, sendOff)
  return gates.through({ provider, isPatient: timeout_ms >= provider.timeout * 1000, signal }, sendOff)
}

const mcpRequestOf = (outbound: Outbound, headers: Record<string, string>, credential: string): Repeatable => {
  const { provider, request, peer, timeout_ms, signal, onEvent, onHeld, pass } = outbound
  const { capabilities, logLevel, onRequest } = peer
  const { method, name, params, inputSchema } = request
  return {
    ...{ method, name, params, inputSchema, capabilities, logLevel, onRequest, onEvent, onHeld, pass },
    url: provider.server_url,
    holder: outbound.acting.principal.tenant_id,
    headers,
    signal,
    wantsEvents: onEvent !== undefined,
    timeoutMs: Math.min(timeout_ms, provider.timeout * 1000),
    sseReadTimeoutMs: Math.min(timeout_ms, provider.sse_read_timeout * 1000),
    sessionKey: () => sessionKeyOf(outbound, credential)
  }
}

/**
 * A legacy server's session belongs to one caller with one credential at one revision of the provider, and to one session of
 * a client where that has one.
 */
const sessionKeyOf = ({ acting: { principal }, provider, peer }: Outbound, credential: string): string => {
  const { tenant_id, user_id, kind } = principal
  const app_id = kind === 'app' ? principal.app_id : null
  return `${tenant_id}|${user_id}|${app_id}|${provider.provider_id}|${provider.revision}|${credential}|${peer.session}`
}

const rejected = (cause: UpstreamUnauthorized) =>
  new ReportedError('upstream_rejected_identity', 'The MCP server does not accept the identity that was forwarded.', {
    cause
  })
