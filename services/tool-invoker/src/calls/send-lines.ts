import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'

export const wantsLines = ({ headers }: FastifyRequest): boolean =>
  /\bapplication\/x-ndjson\b/.test(headers.accept ?? '')

/** Answers with one line of JSON for each item of all pages; a page is read when the one before it has been sent. */
export const sendLines = (pages: AsyncIterable<readonly object[]>, reply: FastifyReply): FastifyReply => {
  const lines = async function* () {
    for await (const items of pages) yield items.map((item) => `${JSON.stringify(item)}\n`).join('')
  }
  return reply.type('application/x-ndjson').send(Readable.from(lines()))
}
