import type { Dispatcher } from 'undici'
import type { Deadline } from './deadline.ts'
import type { Sent } from './failure.ts'
import type { Hop } from './redirect.ts'

/** Whether a byte of any hop may have left; it only ever turns from `no` to `unknown`. */
export type Progress = { sent: Sent }

export type ExchangeOptions = {
  dispatcher: Dispatcher
  deadline: Deadline
  headersTimeoutMs: number
  bodyTimeoutMs: number
}

// undici starts a request right before it writes the first byte, once connected and past the TLS handshake. A process
// that stood still until then sends nothing after the deadline.
const noting =
  (progress: Progress, deadline: Deadline): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => {
        deadline.check()
        if (!deadline.signal.aborted) progress.sent = 'unknown'
        handler.onRequestStart?.(controller, context)
        if (deadline.signal.aborted) controller.abort(deadline.signal.reason)
      },
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError: (...args) => handler.onResponseError?.(...args)
    })

// To undici 0 is no limit.
export const milliseconds = (limit: number): number => (Number.isFinite(limit) ? limit : 0)

/** Sends one hop and waits for the head of the answer, no longer than the deadline. */
export const exchange = async (
  hop: Hop,
  progress: Progress,
  { dispatcher, deadline, headersTimeoutMs, bodyTimeoutMs }: ExchangeOptions
): Promise<Dispatcher.ResponseData> => {
  deadline.check()
  deadline.signal.throwIfAborted()
  const answer = dispatcher.compose(noting(progress, deadline)).request({
    origin: hop.url.origin,
    path: `${hop.url.pathname}${hop.url.search}`,
    method: hop.method,
    headers: hop.headers,
    body: hop.body ?? null,
    signal: deadline.signal,
    headersTimeout: milliseconds(headersTimeoutMs),
    bodyTimeout: milliseconds(bodyTimeoutMs)
  })
  // undici notices an abort only once it is connected.
  return Promise.race([answer, deadline.passed])
}
