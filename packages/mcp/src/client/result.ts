import { refusal, serverError } from './errors.ts'
import type { Answer, Json } from './protocol.ts'

/**
 * A result, and its text as the server sent it. One that was passed on as it came: what is read of it, and the rest of
 * its text.
 */
export type Result = { result: Json; resultText: () => string; isPassed?: true }

/** What a server's answer gives, or the error to tell of. */
export const resultOf = (answer: Answer): Result => {
  if (answer.kind === 'result') return answer
  throw answer.kind === 'error' ? serverError(answer.error, answer.status) : refusal(answer.status, answer.headers)
}
