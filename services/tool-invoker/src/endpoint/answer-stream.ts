import type { FastifyReply, FastifyRequest } from 'fastify'
import { type EventStream, openEventStream, sendStream, wantsEvents } from '../events/stream.ts'

/** Sends a message to the client before the answer; false where the answer cannot carry one. */
export type Tell = (message: object) => boolean

type Times = { beginMs: number; beatMs: number }

const usual: Times = { beginMs: 5_000, beatMs: 15_000 }

/**
 * Answers with the text of one JSON-RPC message: as JSON where it comes soon, as an event stream from the first message
 * before it on, or once it takes so long that a proxy could think nobody is there. What fails before the stream has
 * begun is thrown; afterwards `failed` says it in the stream.
 */
export const sendAnswer = async (
  request: FastifyRequest,
  reply: FastifyReply,
  work: (tell: Tell) => Promise<string>,
  failed: (thrown: unknown) => string,
  { beginMs, beatMs } = usual
): Promise<FastifyReply> => {
  if (!wantsEvents(request)) return reply.type('application/json').send(await work(() => false))
  const events = openEventStream(beatMs)
  const late = setTimeout(events.begin, beginMs)
  const answer = work(tellingTo(events))
  try {
    const text = await Promise.race([answer, events.begun])
    if (text !== undefined) {
      events.end()
      return reply.type('application/json').send(text)
    }
  } catch (thrown) {
    events.end()
    throw thrown
  } finally {
    clearTimeout(late)
  }
  const end = (json: string) => events.end({ name: 'message', json })
  answer.then(end, (thrown: unknown) => end(failed(thrown)))
  return sendStream(reply, events)
}

/** JSON-RPC messages, each as an event. */
export const tellingTo =
  ({ tell }: Pick<EventStream, 'tell'>): Tell =>
  (message) =>
    tell('message', JSON.stringify(message))
