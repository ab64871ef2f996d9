import { Call, type OpenedAnswer } from './call.ts'
import { milliseconds } from './exchange.ts'
import { namesCredential, requestHeaders } from './headers.ts'
import type { Pools } from './pools.ts'
import { defaults, type EgressRequest } from './request.ts'
import { isPlain } from './wire/request-text.ts'

export type OpenRequest = Omit<EgressRequest, 'body' | 'timeoutMs' | 'followRedirects'> & {
  body?: string | Uint8Array | undefined
}

/**
 * Makes one guarded call that has no end of its own, and gives its answer as it comes: without the streams of `send` it
 * takes a third of the time. Follows no redirect; rejects as that does. What the caller alone bounds, as each call of a
 * tool is, goes by `wire/` where that can make it, anything else by undici.
 */
export const open = (pools: Pools, target: string, request: OpenRequest): Promise<OpenedAnswer> => {
  try {
    return begin(pools, target, request)
  } catch (error) {
    return Promise.reject(error)
  }
}

const begin = (pools: Pools, target: string, request: OpenRequest): Promise<OpenedAnswer> => {
  const { method = 'GET', body = null, signal, maxBytes = defaults.maxBytes } = request
  const { headersTimeoutMs = defaults.headersTimeoutMs, bodyTimeoutMs = defaults.bodyTimeoutMs } = request
  const { origin, protocol, hostname, path } = pools.placeOf(target)
  const headers = requestHeaders(request.headers ?? {})
  const carriesCredential = request.carriesCredential || namesCredential(headers)
  const bounds = { hostname, maxBytes, running: pools.running, endsAt: Number.POSITIVE_INFINITY, signal }
  const call = new Call(bounds)
  const asked = { origin, path, method: method.toUpperCase(), headers, body }
  const isBoundByCaller = headersTimeoutMs === Number.POSITIVE_INFINITY && bodyTimeoutMs === Number.POSITIVE_INFINITY
  if (isBoundByCaller && isPlain(asked)) return call.send(pools.laneTo(origin, protocol, carriesCredential), asked)
  return call.send(pools.of({ protocol }, carriesCredential), {
    ...asked,
    headersTimeout: milliseconds(headersTimeoutMs),
    bodyTimeout: milliseconds(bodyTimeoutMs)
  })
}
