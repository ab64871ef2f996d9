import type { McpEvent } from '@onbehalf/mcp'
import { renderError, reportedOf } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { openEventStream } from './event-stream.ts'

/** Makes the call, and gives the answer's text; who hears is told when it is sent, and what the server tells. */
export type Make = (hears: { onSend?: () => void; onEvent?: (event: McpEvent) => void }) => Promise<string>

export const wantsEvents = ({ headers }: FastifyRequest): boolean => /\btext\/event-stream\b/.test(headers.accept ?? '')

export const sendText = async (make: Make, reply: FastifyReply): Promise<FastifyReply> => {
  const text = await make({})
  return reply.type('application/json').send(text)
}

/** Answers with what happens as it happens; with a status of its own where the call is not even sent. */
export const sendEvents = async (make: Make, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
  const events = openEventStream()
  const { promise: sent, resolve: onSend } = Promise.withResolvers<void>()
  const answer = make({ onSend, onEvent: events.tell })
  try {
    await Promise.race([sent, answer])
  } catch (thrown) {
    events.readable.destroy()
    throw thrown
  }
  answer.then(
    (text) => events.end('result', text),
    (thrown: unknown) => events.end('error', JSON.stringify(renderError(reportedOf(thrown, request), request)))
  )
  // A proxy that collects the answer would hold the events back.
  reply.type('text/event-stream').headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  return reply.send(events.readable)
}
