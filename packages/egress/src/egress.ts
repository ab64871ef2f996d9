import type { OpenedAnswer } from './call.ts'
import { startDeadline } from './deadline.ts'
import { toEgressError } from './failure.ts'
import { createFetch, type Fetch, type FetchOptions } from './fetch.ts'
import { createGuard, type Lookup } from './guard.ts'
import { type OpenRequest, open } from './open.ts'
import { createPools } from './pools.ts'
import { type EgressRequest, type EgressResponse, send } from './request.ts'
import { bareHost, checkUrl, portOf } from './url.ts'
import { sendWhole, type WholeAnswer, type WholeRequest } from './whole.ts'

export type EgressOptions = {
  /** EGRESS_ALLOW: addresses that may be called although they are not public, as address-or-CIDR:port, comma-separated. */
  allow: string
  /** Our own servers, in the same form: never called, also when allowed or public. */
  deny?: string
  /** Resolves names; the system's resolver by default. */
  lookup?: Lookup
  /** For name look-up, connection and TLS handshake. Default 5 s. */
  connectTimeoutMs?: number
  /** Default 256. */
  connectionsPerOrigin?: number
  /** How long an unused connection is kept. Default 10 s. */
  keepAliveMs?: number
}

/**
 * Outbound HTTP to anything that a user or a server named. What it throws is a ReportedError: `invalid_request`
 * (URL or headers), `policy_denied` (not allowed to go there), `upstream_unavailable`, `upstream_timeout`,
 * `upstream_error` (the answer is too large or unreadable). `wasSent` tells whether the call may have been acted on.
 */
export type Egress = {
  request(url: string, request: EgressRequest): Promise<EgressResponse>
  /** A call that has no end of its own and follows no redirect: it costs a third of what `request` does. */
  open(url: string, request: OpenRequest): Promise<OpenedAnswer>
  /** A call that carries a credential, whose answer is small and read whole: it costs half of what `request` does. */
  requestWhole(url: string, request: WholeRequest): Promise<WholeAnswer>
  /** For libraries that take a `fetch`: 10 s, 1 MiB, no redirect followed. */
  fetch: Fetch
  /** The same with other limits, such as no end for an event stream. */
  fetchWith(options: FetchOptions): Fetch
  /** Resolves and checks where a URL leads, without connecting. Rejects as `request` would. */
  checkReachable(url: string, options?: { carriesCredential?: boolean }): Promise<void>
  /** Waits for running calls, at most `graceMs` (default 5 s), then cuts them off. */
  close(graceMs?: number): Promise<void>
}

/**
 * Opens the outbound client of one service; `close` it.
 *
 * @throws Error naming the list and the entry that cannot be read
 */
export const createEgress = (options: EgressOptions): Egress => {
  const {
    allow,
    deny = '',
    lookup,
    connectTimeoutMs = 5_000,
    connectionsPerOrigin = 256,
    keepAliveMs = 10_000
  } = options
  const guard = createGuard({ allow, deny, lookup })
  const pools = createPools(guard, { connectTimeoutMs, connectionsPerOrigin, keepAliveMs })
  const request: Egress['request'] = (url, details) => send(pools, url, details)

  return {
    request,
    open: (url, details) => open(pools, url, details),
    requestWhole: (url, details) => sendWhole(pools, url, details),
    fetch: createFetch(request, {}),
    fetchWith: (fetchOptions) => createFetch(request, fetchOptions),
    checkReachable: async (text, { carriesCredential = false } = {}) => {
      const url = checkUrl(text)
      const isLoopbackOnly = carriesCredential && url.protocol === 'http:'
      const deadline = startDeadline(connectTimeoutMs, pools.running)
      try {
        await Promise.race([guard({ hostname: bareHost(url), port: portOf(url), isLoopbackOnly }), deadline.passed])
      } catch (error) {
        throw toEgressError(error, url.hostname, 'no')
      } finally {
        deadline.end()
      }
    },
    close: (graceMs = 5_000) => pools.close(graceMs)
  }
}
