import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Passing, passable } from '../answers/pass.ts'
import { type EventStream, openEventStream, sendStream, wantsEvents } from '../events/stream.ts'

/** Sends a message to the client before the answer; false where the answer cannot carry one. */
export type Tell = (message: object) => boolean

type Times = { beginMs: number; beatMs: number }

const usual: Times = { beginMs: 5_000, beatMs: 15_000 }

/** Makes the answer, one JSON-RPC message. */
export type Answering = {
  /** How its text begins, where its result is passed on. */
  beginning: string
  work: (tell: Tell, passing: Passing) => Promise<string>
  /** The text of the answer where the work fails. */
  failed: (thrown: unknown) => string
}

/**
 * Answers with one JSON-RPC message: as JSON where it comes soon, as an event stream from the first message before it on,
 * or once it takes so long that a proxy could think nobody is there. What fails before anything was sent is thrown;
 * afterwards `failed` says it in the event stream.
 */
export const sendAnswer = async (
  request: FastifyRequest,
  reply: FastifyReply,
  { beginning, work, failed }: Answering,
  { beginMs, beatMs } = usual
): Promise<FastifyReply> => {
  if (!wantsEvents(request)) {
    const answer = await passable(
      (passing) => work(() => false, passing),
      () => beginning
    )
    return reply.type('application/json').send(answer)
  }
  const events = openEventStream(beatMs)
  const late = setTimeout(events.begin, beginMs)
  const answer = passable(
    (passing) => work(tellingTo(events), passing),
    // An answer that is an event is held.
    () => (events.giveWay() ? beginning : undefined)
  )
  try {
    const early = await Promise.race([answer, events.begun])
    if (early !== undefined) {
      events.end()
      return reply.type('application/json').send(early)
    }
  } catch (thrown) {
    events.end()
    throw thrown
  } finally {
    clearTimeout(late)
  }
  const end = (json: string) => events.end({ name: 'message', json })
  answer.then(
    (text) => end(String(text)),
    (thrown: unknown) => end(failed(thrown))
  )
  return sendStream(reply, events)
}

/** JSON-RPC messages, each as an event. */
export const tellingTo =
  ({ tell }: Pick<EventStream, 'tell'>): Tell =>
  (message) =>
    tell('message', message)
