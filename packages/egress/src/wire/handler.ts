import type { Headers } from '../headers.ts'

/** What the one who makes a call can do with it while it is under way; nothing once it is over. */
export type Controller = {
  abort: (reason: Error) => void
  pause: () => void
  resume: () => void
}

/** Who is told how a call goes, in undici's words but for `isGivenUp`, so that either can make it. */
export type CallHandler = {
  /** Right before the first byte is written; whoever aborts here sends nothing. */
  onRequestStart: (controller: Controller) => void
  onResponseStart: (controller: Controller, status: number, headers: Headers) => void
  onResponseData: (controller: Controller, piece: Uint8Array) => void
  onResponseEnd: () => void
  /** Whether it was given up. */
  isGivenUp: () => boolean
  /** A lane does not tell it of a call that was aborted. */
  onResponseError: (controller: Controller | undefined, error: Error) => void
}
