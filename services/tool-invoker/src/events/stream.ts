import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Server-sent events, written as things happen (WHATWG HTML §9.2). */
export type EventStream = {
  readable: Readable
  /** Writes a comment, since the head of an answer leaves with its first byte; any event does it too. */
  begin: () => void
  /** Resolves once it has begun. */
  begun: Promise<undefined>
  /**
   * Whether it was written: what comes while the reader does not keep up, or has left, is dropped. What is not JSON yet
   * is then not made JSON either.
   */
  tell: (name: string, message: string | object) => boolean
  /** Ends it if it has not begun; whether it had not. */
  giveWay: () => boolean
  /** The last event, or none. */
  end: (last?: { name: string; json: string }) => void
}

const waitingMax = 256 * 1024

/** With a comment every so often, so that no proxy thinks nobody is there. */
export const openEventStream = (beatMs = 15_000): EventStream => {
  const { promise: begun, resolve } = Promise.withResolvers<undefined>()
  let beat: NodeJS.Timeout | undefined
  let isOver = false
  const readable = new Readable({
    read: () => {},
    destroy: (error, done) => {
      isOver = true
      clearInterval(beat)
      done(error)
    }
  })
  const begin = () => {
    if (beat !== undefined || isOver) return
    beat = setInterval(() => readable.push(': still here\n\n'), beatMs)
    readable.push(': begun\n\n')
    resolve(undefined)
  }
  const end: EventStream['end'] = (last) => {
    if (isOver) return
    isOver = true
    clearInterval(beat)
    if (last) readable.push(eventOf(last.name, last.json))
    readable.push(null)
  }
  return {
    readable,
    begin,
    begun,
    tell: (name, message) => {
      begin()
      if (isOver || readable.readableLength > waitingMax) return false
      readable.push(eventOf(name, typeof message === 'string' ? message : JSON.stringify(message)))
      return true
    },
    giveWay: () => {
      if (beat !== undefined || isOver) return false
      end()
      return true
    },
    end
  }
}

// A line end in the JSON is never within a string, so that its kind does not matter.
const eventOf = (name: string, json: string): string =>
  `event: ${name}\ndata: ${json.replaceAll(/\r\n|\r|\n/g, '\ndata: ')}\n\n`

export const wantsEvents = ({ headers }: FastifyRequest): boolean => /\btext\/event-stream\b/.test(headers.accept ?? '')

/** A proxy that collects the answer would hold the events back. */
export const sendStream = (reply: FastifyReply, { readable }: EventStream): FastifyReply => {
  reply.type('text/event-stream').headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  return reply.send(readable)
}
