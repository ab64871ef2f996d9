import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen, stopServer, type TestContext } from '@onbehalf/testkit'

type Json = Record<string, unknown>
/** What it answers to a method, given the request's params. */
type Says = (method: string, params: Json) => Json

/** A server of 2026-07-28 that offers what a test says, at as many URLs as it wants. */
export const startListing = async (t: TestContext) => {
  const places: Says[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const { id, method, params } = JSON.parse(text)
    const says = places[Number(request.url?.slice(1))]
    const met = { supportedVersions: ['2026-07-28'], capabilities: {} }
    const result = method === 'server/discover' ? met : { resultType: 'complete', ...says?.(method, params) }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result }))
  }
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  const port = await listen(server)
  t.teardown(() => stopServer(server))
  return { port, at: (says: Says) => ({ url: `http://127.0.0.1:${port}/${places.push(says) - 1}` }) }
}
