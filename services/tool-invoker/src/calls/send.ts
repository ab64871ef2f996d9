import { renderError, reportedOf } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { openEventStream, sendStream } from '../events/stream.ts'
import type { CallContext } from './call-tool.ts'
import { tellingTo } from './tell-event.ts'

/** Who is told when the call is sent, and what the server tells; and where a large result goes. */
export type Hears = Pick<CallContext, 'onSend' | 'onEvent' | 'passing'>

/** Makes the call, and gives the answer's text; where its result was passed on, the rest of it. */
export type Make = (hears: Hears) => Promise<string>

/** Answers with what happens as it happens; with a status of its own where the call is not even sent. */
export const sendEvents = async (make: Make, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
  const events = openEventStream()
  const { promise: sent, resolve: onSend } = Promise.withResolvers<void>()
  const answer = make({ onSend, onEvent: tellingTo(events) })
  try {
    await Promise.race([sent, answer])
  } catch (thrown) {
    events.end()
    throw thrown
  }
  events.begin()
  answer.then(
    (json) => events.end({ name: 'result', json }),
    (thrown: unknown) =>
      events.end({ name: 'error', json: JSON.stringify(renderError(reportedOf(thrown, request), request)) })
  )
  return sendStream(reply, events)
}
