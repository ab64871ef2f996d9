import { refusal, serverError } from './errors.ts'
import type { Answer, Json } from './protocol.ts'

/** A result, and its text as the server sent it. */
export type Result = { result: Json; resultText: () => string }

/** What a server's answer gives, or the error to tell of. */
export const resultOf = (answer: Answer): Result => {
  if (answer.kind === 'result') return answer
  throw answer.kind === 'error' ? serverError(answer.error, answer.status) : refusal(answer.status, answer.headers)
}
