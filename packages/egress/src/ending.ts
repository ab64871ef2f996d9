import type { CallSignal, SignalListener } from './signal.ts'

/** A signal that ends alone, or with the one it follows. A call has several: as AbortSignals they would be a tenth of it. */
export class Ending implements CallSignal, SignalListener {
  aborted = false
  reason: unknown
  private readonly listeners: SignalListener[] = []
  private readonly followed: CallSignal | undefined

  constructor(followed?: CallSignal) {
    this.followed = followed
    if (followed?.aborted) this.abort(followed.reason)
    followed?.addEventListener('abort', this)
  }

  abort(reason: unknown = new DOMException('This was ended.', 'AbortError')): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    for (const listener of this.listeners.splice(0)) listener.handleEvent()
  }

  /** Follows no longer. */
  unlink(): void {
    this.followed?.removeEventListener('abort', this)
  }

  handleEvent(): void {
    this.abort(this.followed?.reason)
  }

  addEventListener(_: 'abort', listener: SignalListener): void {
    this.listeners.push(listener)
  }

  removeEventListener(_: 'abort', listener: SignalListener): void {
    const place = this.listeners.indexOf(listener)
    if (place >= 0) this.listeners.splice(place, 1)
  }
}

/** Ends with the first of them, which hold on to it for as long as they live. */
export const endingWithAny = (...signals: readonly CallSignal[]): Ending => {
  const ending = new Ending()
  for (const signal of signals) {
    const end = () => ending.abort(signal.reason)
    if (signal.aborted) end()
    else signal.addEventListener('abort', { handleEvent: end })
  }
  return ending
}
