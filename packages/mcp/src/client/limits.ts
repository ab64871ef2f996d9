/** Bounds on what a server may make us hold or wait for. */
export type McpLimits = {
  /** Longest a call may take, whatever progress the server reports. */
  callMsMax: number
  /** Largest answer, counting every byte of a stream. */
  answerBytesMax: number
  /** Longer answers are passed on as they come, where that is wanted; of 100 KB it costs no less than to hold them. */
  passBytesMin: number
  /** Bytes of answers over 64 KB that are held at once, of all calls together. */
  heldBytesMax: number
  /** Largest body read of an answer that is a refusal. */
  refusalBytesMax: number
  pagesMax: number
  toolsMax: number
  /** Requests of the server on one stream that are answered; the rest is left unanswered. */
  repliesMax: number
  /** Longest unfinished message on a stream that is listened to, in characters: many are open, and for long. */
  watchMessageLengthMax: number
  /** Longest that a server is listened to at one go, and its longest silence meanwhile. */
  watchMsMax: number
  watchSilenceMsMax: number
  /** Times a broken stream is taken up again where it ended. */
  resumesMax: number
  sessionsMax: number
  sessionIdleMs: number
  erasMax: number
  eraMs: number
  /** Longest a clean-up (draining, cancelling, deleting a session) may take. */
  cleanUpMs: number
}

export const defaultLimits: McpLimits = {
  callMsMax: 600_000,
  answerBytesMax: 8 * 1024 * 1024,
  passBytesMin: 256 * 1024,
  heldBytesMax: 128 * 1024 * 1024,
  refusalBytesMax: 64 * 1024,
  pagesMax: 500,
  toolsMax: 20_000,
  repliesMax: 20,
  watchMessageLengthMax: 256 * 1024,
  watchMsMax: 3_600_000,
  watchSilenceMsMax: 1_800_000,
  resumesMax: 5,
  sessionsMax: 10_000,
  sessionIdleMs: 600_000,
  erasMax: 10_000,
  eraMs: 600_000,
  cleanUpMs: 2_000
}
