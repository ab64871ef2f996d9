import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Sends a notification to the client, where the answer can carry one. */
export type Tell = (notification: object) => void

const beginMs = 5_000
const beatMs = 15_000
const waitingMax = 256 * 1024

/**
 * Answers with the text of one JSON-RPC message: as JSON where it comes soon, as an event stream from the first
 * notification on, or once it takes so long that a proxy could think nobody is there. What fails before the stream has
 * begun is thrown; afterwards `failed` says it in the stream.
 */
export const sendAnswer = async (
  request: FastifyRequest,
  reply: FastifyReply,
  work: (tell: Tell) => Promise<string>,
  failed: (thrown: unknown) => string
): Promise<FastifyReply> => {
  if (!/\btext\/event-stream\b/.test(request.headers.accept ?? ''))
    return reply.type('application/json').send(await work(() => undefined))
  const stream = prepareStream()
  const answer = work(stream.tell)
  try {
    const text = await Promise.race([answer, stream.begun])
    if (text !== undefined) return reply.type('application/json').send(text)
  } finally {
    stream.settle()
  }
  answer.then(stream.end, (thrown: unknown) => stream.end(failed(thrown)))
  // A proxy that collects the answer would hold the events back.
  reply.type('text/event-stream').headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  return reply.send(stream.readable)
}

const prepareStream = () => {
  const { promise: begun, resolve } = Promise.withResolvers<undefined>()
  let beat: NodeJS.Timeout | undefined
  const readable = new Readable({
    read: () => {},
    destroy: (error, done) => {
      clearInterval(beat)
      done(error)
    }
  })
  const begin = () => {
    if (beat !== undefined) return
    beat = setInterval(() => readable.push(': still here\n\n'), beatMs)
    readable.push(': begun\n\n')
    resolve(undefined)
  }
  const late = setTimeout(begin, beginMs)
  return {
    readable,
    begun,
    /** The race is over. */
    settle: () => clearTimeout(late),
    tell: (notification: object) => {
      begin()
      if (!readable.destroyed && readable.readableLength <= waitingMax)
        readable.push(eventOf(JSON.stringify(notification)))
    },
    end: (text: string) => {
      if (readable.destroyed) return
      clearInterval(beat)
      readable.push(eventOf(text))
      readable.push(null)
    }
  }
}

// A line end in JSON is never within a string, so that its kind does not matter.
const eventOf = (json: string): string => `event: message\ndata: ${json.replaceAll(/\r\n|\r|\n/g, '\ndata: ')}\n\n`
