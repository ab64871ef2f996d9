import { AnswerScanner } from './answer-scanner.ts'
import { untilAborted } from './deadline.ts'
import { headerOf } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { McpLimits } from './limits.ts'
import type { Opened } from './open.ts'
import type { Answer, Take } from './protocol.ts'

/** Whether an answer may turn out to be one that is passed on: what says that it is small is not looked at. */
export const mayBePassed = ({ headers }: Opened, { pass }: Exchange, { passBytesMin }: McpLimits): boolean =>
  pass !== undefined && !(Number(headerOf(headers, 'content-length')) <= passBytesMin)

/**
 * Passes on an answer that is the whole body as it comes, once enough came to know that it is a plain result; undefined
 * where it is not passed on, so that the body holds what came. Each piece is checked before it is passed on, so that what is
 * thrown here leaves whoever takes it with something that is no JSON.
 */
export const passAnswer = async (opened: Opened, request: Exchange, limits: McpLimits): Promise<Answer | undefined> => {
  const { body, headers } = opened
  if (!(await body.hold(limits.passBytesMin))) return undefined
  if (Number(headerOf(headers, 'content-length')) > limits.answerBytesMax) return undefined
  const scanner = new AnswerScanner(request.id)
  const begun = begin(scanner, body.held)
  const take = begun && request.pass?.()
  if (!take) return undefined
  body.held.length = 0
  for (const piece of begun) await give(take, piece, request, limits)
  for (let piece = await body.next(); piece; piece = await body.next())
    await give(take, scanner.push(piece), request, limits)
  scanner.end()
  return { kind: 'result', result: scanner.result, resultText: () => '}', isPassed: true, headers }
}

/** What of the result came so far; undefined unless it is known to be a plain one. */
const begin = (scanner: AnswerScanner, held: readonly Uint8Array[]): Uint8Array[] | undefined => {
  try {
    const pieces = held.map((piece) => scanner.push(piece))
    return scanner.isPlain ? pieces : undefined
  } catch {
    // Whether it can be used is seen when all of it is there.
    return undefined
  }
}

const give = async (take: Take, piece: Uint8Array, { deadline, timeoutMs }: Exchange, { callMsMax }: McpLimits) => {
  const taking = piece.length > 0 ? take(piece) : undefined
  if (taking !== undefined) {
    // It is not the server that is waited for, and whoever takes it bounds that.
    deadline.extend(callMsMax)
    await untilAborted(taking, deadline.signal)
  }
  deadline.extend(timeoutMs)
}
