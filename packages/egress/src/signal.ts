/** As much of an AbortSignal as ends a call; one of the caller's own can cost less. */
export type CallSignal = {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener: (type: 'abort', listener: SignalListener) => void
  removeEventListener: (type: 'abort', listener: SignalListener) => void
}
export type SignalListener = { handleEvent: () => void }

export const throwIfEnded = (signal: CallSignal): void => {
  if (signal.aborted) throw signal.reason
}
