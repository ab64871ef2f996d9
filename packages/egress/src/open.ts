import { begin, decoded } from './begin.ts'
import { isCoded } from './body.ts'
import { milliseconds, type Progress } from './exchange.ts'
import { toEgressError } from './failure.ts'
import { type Headers, namesCredential, requestHeaders, withoutCoding } from './headers.ts'
import type { Pools } from './pools.ts'
import { defaults, type EgressRequest } from './request.ts'

export type OpenRequest = Omit<EgressRequest, 'body' | 'timeoutMs' | 'followRedirects'> & { body?: string | Uint8Array }

/** An answer of any status; header names in lower case. The body holds its connection until it was read or left. */
export type OpenedAnswer = { status: number; headers: Headers; body: AsyncIterable<Uint8Array> }

/**
 * Makes one guarded call that has no end of its own, and gives its answer as it comes: without the streams of `send` it
 * takes a third of the time. Follows no redirect; rejects as that does.
 */
export const open = async (pools: Pools, target: string, request: OpenRequest): Promise<OpenedAnswer> => {
  const { method = 'GET', body = null, signal } = request
  const { headersTimeoutMs = defaults.headersTimeoutMs, bodyTimeoutMs = defaults.bodyTimeoutMs } = request
  const { maxBytes = defaults.maxBytes } = request
  const { origin, protocol, hostname, path } = pools.placeOf(target)
  const headers = requestHeaders(request.headers ?? {})
  const progress: Progress = { sent: 'no' }
  const explain = (error: unknown): unknown => {
    const isGivenUp = signal?.aborted === true && error === signal.reason
    const isTimeout = error instanceof DOMException && error.name === 'TimeoutError'
    return isGivenUp && !isTimeout ? error : toEgressError(error, hostname, progress.sent)
  }
  if (signal?.aborted) throw explain(signal.reason)
  const options = {
    ...{ origin, path, method: method.toUpperCase(), headers, body },
    ...{ headersTimeout: milliseconds(headersTimeoutMs), bodyTimeout: milliseconds(bodyTimeoutMs) }
  }
  const dispatcher = pools.of({ protocol }, request.carriesCredential || namesCredential(headers))
  const giveUp = () => began.abort(signal?.reason)
  const onEnd = () => signal?.removeEventListener('abort', giveUp)
  signal?.addEventListener('abort', giveUp, { once: true })
  const began = begin(dispatcher, options, { maxBytes, running: pools.running, progress, explain, onEnd })
  const came = await began.came
  if (!isCoded(came.headers)) return { status: came.status, headers: came.headers, body: came.pieces }
  return { status: came.status, headers: withoutCoding(came.headers), body: decoded(came, maxBytes, explain) }
}
