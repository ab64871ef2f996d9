import type { Dispatcher } from 'undici'
import { checkLength, readBody, tooLarge } from './body.ts'
import type { Running } from './deadline.ts'
import type { Progress } from './exchange.ts'
import type { Headers } from './headers.ts'
import { createPieces } from './pieces.ts'
import { isBodiless } from './request.ts'

/** The head of an answer, and its body as it comes. */
export type Came = { status: number; headers: Headers; pieces: AsyncIterableIterator<Uint8Array> }

export type Began = {
  came: Promise<Came>
  /** Ends it; its first reason is what it rejects with. */
  abort: (reason: Error) => void
}

export type Bounds = {
  maxBytes: number
  running: Running
  progress: Progress
  /** What to tell of an error of the connection. */
  explain: (error: unknown) => unknown
  /** Told right before the first byte is written, which it may prevent. */
  onStart?: (abort: (reason: Error) => void) => void
  /** The answer is complete, or there is none. */
  onEnd?: () => void
}

/** Sends one request, without the streams and signals that a client library puts around it. */
export const begin = (
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  { maxBytes, running, progress, explain, onStart, onEnd }: Bounds
): Began => {
  const { promise, resolve, reject } = Promise.withResolvers<Came>()
  let controller: Dispatcher.DispatchController | undefined
  let reason: Error | undefined
  let bytes = 0
  const end = () => {
    running.delete(began)
    onEnd?.()
  }
  const fail = (given: Error) => {
    if (reason) return
    reason = given
    end()
    const told = explain(given)
    reject(told)
    pieces.fail(told)
  }
  const abort = (given: Error) => {
    fail(given)
    controller?.abort(given)
  }
  const pieces = createPieces({
    pause: () => controller?.pause(),
    resume: () => controller?.resume(),
    leave: () => abort(new Error('nobody reads the answer'))
  })
  const began = { came: promise, abort }
  running.add(began)
  dispatcher.dispatch(options, {
    // undici starts a request right before it writes the first byte, once connected and past the TLS handshake.
    onRequestStart: (started) => {
      controller = started
      onStart?.(abort)
      if (reason) started.abort(reason)
      else progress.sent = 'unknown'
    },
    onResponseStart: (_started, status, headers) => {
      // A head that is only announced (RFC 8297) has another one behind it.
      if (status < 200) return
      if (!isBodiless(options.method, status)) checkLength(headers, maxBytes)
      resolve({ status, headers, pieces: pieces.read })
    },
    onResponseData: (_started, chunk) => {
      bytes += chunk.length
      if (bytes > maxBytes) throw tooLarge(maxBytes)
      pieces.push(chunk)
    },
    onResponseEnd: () => {
      end()
      pieces.end()
    },
    onResponseError: (_started, error) => fail(error)
  })
  return began
}

/** What a coded body says, in at most `maxBytes`. */
export const decoded = async function* (
  { headers, pieces }: Came,
  maxBytes: number,
  explain: (error: unknown) => unknown
): AsyncGenerator<Uint8Array> {
  try {
    yield* readBody(pieces, headers, maxBytes)
  } catch (error) {
    throw explain(error)
  } finally {
    await pieces.return?.()
  }
}
