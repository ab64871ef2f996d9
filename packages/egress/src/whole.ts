import { collect } from './body.ts'
import { Call } from './call.ts'
import { milliseconds } from './exchange.ts'
import { DeadlinePassed } from './failure.ts'
import { type Headers, requestHeaders } from './headers.ts'
import type { Pools } from './pools.ts'
import { defaults, type EgressRequest } from './request.ts'

export type WholeRequest = Omit<EgressRequest, 'body' | 'signal' | 'followRedirects' | 'carriesCredential'> & {
  body?: string | Uint8Array
}

/** An answer of any status; header names in lower case. */
export type WholeAnswer = { status: number; headers: Headers; text: string }

/**
 * Makes one guarded call that carries a credential, and reads its answer at once: without the streams and signals of
 * `send` it takes half of the time. Rejects as that does.
 */
export const sendWhole = async (pools: Pools, target: string, request: WholeRequest): Promise<WholeAnswer> => {
  const { timeoutMs, maxBytes, headersTimeoutMs, bodyTimeoutMs, method = 'GET' } = { ...defaults, ...request }
  const { origin, protocol, hostname, path } = pools.placeOf(target)
  const endsAt = Date.now() + timeoutMs
  const call = new Call({ hostname, maxBytes, running: pools.running, endsAt, signal: undefined })
  const timer = setTimeout(() => call.abort(new DeadlinePassed(`${timeoutMs} ms are over`)), timeoutMs).unref()
  try {
    const { status, headers, body } = await call.send(pools.of({ protocol }, true), {
      origin,
      path,
      method: method.toUpperCase(),
      headers: requestHeaders(request.headers ?? {}),
      body: request.body ?? null,
      headersTimeout: milliseconds(headersTimeoutMs),
      bodyTimeout: milliseconds(bodyTimeoutMs)
    })
    return { status, headers, text: await collect(body) }
  } finally {
    clearTimeout(timer)
  }
}
