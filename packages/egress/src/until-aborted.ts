import type { CallSignal } from './signal.ts'

/** Waits for work that goes on without us, and no longer than the signal allows; then its reason is thrown. */
export const untilAborted = <Value>(work: Promise<Value>, signal: CallSignal): Promise<Value> => {
  const { promise, resolve, reject } = Promise.withResolvers<Value>()
  const stop = { handleEvent: () => reject(signal.reason) }
  if (signal.aborted) stop.handleEvent()
  signal.addEventListener('abort', stop)
  const end = () => signal.removeEventListener('abort', stop)
  work.then(
    (value) => {
      end()
      resolve(value)
    },
    (thrown: unknown) => {
      end()
      reject(thrown)
    }
  )
  return promise
}
