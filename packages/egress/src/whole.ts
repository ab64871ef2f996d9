import { begin, decoded } from './begin.ts'
import { collect, isCoded } from './body.ts'
import { milliseconds, type Progress } from './exchange.ts'
import { DeadlinePassed, toEgressError } from './failure.ts'
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
  const {
    timeoutMs,
    maxBytes,
    headersTimeoutMs,
    bodyTimeoutMs,
    method = 'GET',
    body = null
  } = { ...defaults, ...request }
  const { origin, protocol, hostname, path } = pools.placeOf(target)
  const progress: Progress = { sent: 'no' }
  const options = {
    ...{ origin, path, method: method.toUpperCase(), body },
    headers: requestHeaders(request.headers ?? {}),
    ...{ headersTimeout: milliseconds(headersTimeoutMs), bodyTimeout: milliseconds(bodyTimeoutMs) }
  }
  const explain = (error: unknown) => toEgressError(error, hostname, progress.sent)
  const endsAt = Date.now() + timeoutMs
  const late = () => new DeadlinePassed(`${timeoutMs} ms are over`)
  const began = begin(pools.of({ protocol }, true), options, {
    ...{ maxBytes, running: pools.running, progress, explain },
    // In a process that stood still, the timer that was to say so may come late.
    onStart: (abort) => {
      if (Date.now() >= endsAt) abort(late())
    }
  })
  const timer = setTimeout(() => began.abort(late()), timeoutMs).unref()
  try {
    const came = await began.came
    const { status, headers, pieces } = came
    return { status, headers, text: await collect(isCoded(headers) ? decoded(came, maxBytes, explain) : pieces) }
  } catch (error) {
    throw explain(error)
  } finally {
    clearTimeout(timer)
  }
}
