import { untilAborted } from '@onbehalf/egress'
import { AnswerScanner } from './answer-scanner.ts'
import { headerOf, noRoom } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { McpLimits } from './limits.ts'
import type { Opened } from './open.ts'
import type { Answer } from './protocol.ts'

/** Whether an answer may turn out to be one that is passed on: what says that it is small is not looked at. */
export const mayBePassed = ({ headers }: Opened, { pass }: Exchange, { passBytesMin }: McpLimits): boolean =>
  pass !== undefined && !(Number(headerOf(headers, 'content-length')) <= passBytesMin)

/** Passes on an answer that is the whole body as it comes; undefined where it is not passed on, so that the body holds what came. */
export const passAnswer = async (opened: Opened, request: Exchange, limits: McpLimits): Promise<Answer | undefined> => {
  const { body } = opened
  if (!(await body.hold(limits.passBytesMin))) return undefined
  const passage = openPassage(opened, request, body.held.seen(), { limits, silenceMs: request.timeoutMs })
  if (!passage) return undefined
  body.held.take()
  await passage.begin()
  for (let piece = await body.next(); piece; piece = await body.next()) await passage.give(piece)
  return passage.end()
}

/** The way of one answer to whoever takes it. What is thrown leaves them with something that is no JSON. */
export type Passage = {
  /** Gives what came before it was opened. */
  begin: () => Promise<void>
  /** Gives more of the message, once it is checked. */
  give: (piece: Uint8Array) => Promise<void>
  /** The message has ended: what it was. Throws unless that is an answer to the request. */
  end: () => Answer
}

/**
 * Opens it once enough of a message came to know that it is a plain result; undefined where it cannot be told, or nobody
 * takes it. The server may then be silent for so long.
 */
export const openPassage = (
  { headers, body }: Opened,
  request: Exchange,
  held: readonly Uint8Array[],
  { limits, silenceMs }: { limits: McpLimits; silenceMs: number }
): Passage | undefined => {
  if (Number(headerOf(headers, 'content-length')) > limits.answerBytesMax) return undefined
  const scanner = new AnswerScanner(request.id)
  const begun = beginningOf(scanner, held)
  const take = begun && request.pass?.()
  if (!take) return undefined
  const { deadline } = request
  const hand = async (piece: Uint8Array): Promise<void> => {
    const taking = piece.length > 0 ? take(piece) : undefined
    if (taking !== undefined) {
      // It is not the server that is waited for, and whoever takes it bounds that.
      deadline.extend(limits.callMsMax)
      await untilAborted(taking, deadline.signal)
    }
    deadline.extend(silenceMs)
  }
  return {
    begin: async () => {
      for (const piece of begun.splice(0)) await hand(piece)
    },
    give: (piece) => {
      const checked = scanner.push(piece)
      if (!body.hasRoomFor(scanner.keptBytes)) throw noRoom()
      return hand(checked)
    },
    end: () => {
      scanner.end()
      return { kind: 'result', result: scanner.result, resultText: () => '}', isPassed: true, headers }
    }
  }
}

/** What of the result came so far; undefined unless it is known to be a plain one. */
const beginningOf = (scanner: AnswerScanner, held: readonly Uint8Array[]): Uint8Array[] | undefined => {
  try {
    const pieces = held.map((piece) => scanner.push(piece))
    return scanner.isPlain ? pieces : undefined
  } catch {
    // Whether it can be used is seen when all of it is there.
    return undefined
  }
}
