import { Readable } from 'node:stream'
import { ReportedError } from '@onbehalf/errors'
import type { Take } from '@onbehalf/mcp'
import type { FastifyReply } from 'fastify'

/** How an answer may go to its caller while the server still gives it. */
export type Passing = {
  /** Asked when a large result of the call with this id begins: who takes it as it comes; undefined where it has to be held. */
  begin: (callId: string) => Take | undefined
  /** From then on the answer ends well or is broken off: nothing else can be said in its place. */
  hasBegun: () => boolean
}

/** Makes the text of an answer; of one that was passed on, the rest. */
type Work = (passing: Passing) => Promise<string>

const waitingBytesMax = 64 * 1024
/** How long a caller may keep a server waiting, over the whole answer. */
const patienceMs = 60_000

/**
 * The answer that the work makes: its text, or as soon as its result is passed on, a stream that begins with
 * `beginningOf` the call's id. What fails later breaks the stream off, so that nobody takes it for whole.
 */
export const passable = (
  work: Work,
  beginningOf: (callId: string) => string | undefined
): Promise<string | Readable> => {
  const { promise, resolve, reject } = Promise.withResolvers<string | Readable>()
  let stream: ReturnType<typeof openStream> | undefined
  const begin: Passing['begin'] = (callId) => {
    const beginning = beginningOf(callId)
    if (beginning === undefined) return undefined
    stream = openStream(beginning)
    resolve(stream.readable)
    return stream.take
  }
  work({ begin, hasBegun: () => stream !== undefined }).then(
    (text) => (stream ? stream.end(text) : resolve(text)),
    (thrown: unknown) => (stream ? stream.breakOff(thrown) : reject(thrown))
  )
  return promise
}

/** Sends a stream that `passable` gave, whatever type the route says that its answers have: it writes what they are as text. */
export const sendPassed = (stream: Readable, reply: FastifyReply): FastifyReply => reply.send(stream)

const openStream = (beginning: string) => {
  let waiting: PromiseWithResolvers<void> | undefined
  let leftMs = patienceMs
  const readable = new Readable({
    highWaterMark: waitingBytesMax,
    read: () => waiting?.resolve(),
    destroy: (error, done) => {
      waiting?.reject(hasLeft())
      done(error)
    }
  })
  const untilRead = async (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    waiting = { promise, resolve, reject }
    const startedAt = performance.now()
    const giveUp = setTimeout(() => reject(tooSlow()), leftMs)
    try {
      await promise
    } finally {
      waiting = undefined
      clearTimeout(giveUp)
      leftMs -= performance.now() - startedAt
    }
  }
  const take: Take = (piece) => {
    if (readable.destroyed) throw hasLeft()
    return readable.push(piece) ? undefined : untilRead()
  }
  readable.push(beginning)
  return {
    readable,
    take,
    end: (rest: string) => {
      readable.push(rest)
      readable.push(null)
    },
    breakOff: (thrown: unknown) => readable.destroy(toError(thrown))
  }
}

const toError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error('the answer was broken off', { cause: thrown })
const hasLeft = () => new ReportedError('cancelled', 'The caller closed the connection before the answer.')
const tooSlow = () => new ReportedError('cancelled', 'The caller did not take the answer in time.')
