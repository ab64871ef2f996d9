import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { checkLength, collect, isCoded, readBody, tooLarge } from './body.ts'
import type { Running } from './deadline.ts'
import { milliseconds, type Progress } from './exchange.ts'
import { DeadlinePassed, toEgressError } from './failure.ts'
import { type Headers, requestHeaders } from './headers.ts'
import type { Pools } from './pools.ts'
import { defaults, type EgressRequest, isBodiless } from './request.ts'
import { checkUrl } from './url.ts'

export type WholeRequest = Omit<EgressRequest, 'body' | 'signal' | 'followRedirects' | 'carriesCredential'> & {
  body?: string | Uint8Array
}

/** An answer of any status; header names in lower case. */
export type WholeAnswer = { status: number; headers: Headers; text: string }

type Came = Pick<WholeAnswer, 'status' | 'headers'> & { chunks: Buffer[] }
type Bounds = { timeoutMs: number; maxBytes: number; running: Running; progress: Progress }

/** What ends a call early: its first reason is what it rejects with. `started` is what undici gives to end it there. */
type Ending = { reason?: Error; started?: Dispatcher.DispatchController; abort: (reason: Error) => void }

const endingOf = (reject: (reason: Error) => void): Ending => {
  const ending: Ending = {
    abort: (reason) => {
      ending.reason ??= reason
      reject(ending.reason)
      ending.started?.abort(ending.reason)
    }
  }
  return ending
}

/** Sends, and collects what comes, no longer than `timeoutMs`. */
const converse = (
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  { timeoutMs, maxBytes, running, progress }: Bounds
): Promise<Came> => {
  const { promise, resolve, reject } = Promise.withResolvers<Came>()
  const came: Came = { status: 0, headers: {}, chunks: [] }
  const ending = endingOf(reject)
  const endsAt = Date.now() + timeoutMs
  const pass = () => ending.abort(new DeadlinePassed(`${timeoutMs} ms are over`))
  const timer = setTimeout(pass, timeoutMs).unref()
  let bytes = 0
  running.add(ending)
  dispatcher.dispatch(options, {
    // undici starts a request right before it writes the first byte, once connected and past the TLS handshake.
    onRequestStart: (started) => {
      ending.started = started
      // In a process that stood still, the timer that was to say so may come late.
      if (Date.now() >= endsAt) pass()
      if (ending.reason) started.abort(ending.reason)
      else progress.sent = 'unknown'
    },
    onResponseStart: (_started, status, headers) => {
      // A head that is only announced (RFC 8297) has another one behind it.
      if (status < 200) return
      Object.assign(came, { status, headers })
      if (!isBodiless(options.method, status)) checkLength(headers, maxBytes)
    },
    onResponseData: (_started, chunk) => {
      bytes += chunk.length
      came.chunks.push(chunk)
      if (bytes > maxBytes) throw tooLarge(maxBytes)
    },
    onResponseEnd: () => resolve(came),
    onResponseError: (_started, error) => reject(ending.reason ?? error)
  })
  return promise.finally(() => {
    clearTimeout(timer)
    running.delete(ending)
  })
}

const textOf = async ({ headers, chunks }: Came, maxBytes: number): Promise<string> =>
  isCoded(headers)
    ? collect(readBody(Readable.from(chunks), headers, maxBytes))
    : Buffer.concat(chunks).toString('utf8')

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
  const url = checkUrl(target)
  const progress: Progress = { sent: 'no' }
  const options = {
    ...{ origin: url.origin, path: `${url.pathname}${url.search}`, method: method.toUpperCase(), body },
    headers: requestHeaders(request.headers ?? {}),
    ...{ headersTimeout: milliseconds(headersTimeoutMs), bodyTimeout: milliseconds(bodyTimeoutMs) }
  }
  try {
    const bounds = { timeoutMs, maxBytes, running: pools.running, progress }
    const came = await converse(pools.of(url, true), options, bounds)
    return { status: came.status, headers: came.headers, text: await textOf(came, maxBytes) }
  } catch (error) {
    throw toEgressError(error, url.hostname, progress.sent)
  }
}
