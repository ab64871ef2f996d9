import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { freePort } from '@onbehalf/testkit'
import type { Test } from 'tap'

export type Answer = (response: ServerResponse, body: string) => void

export const json =
  (status: number, value: object): Answer =>
  (response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))

export const paths = {
  code: '/openapi/v1/oauth/device/code',
  poll: '/openapi/v1/oauth/device/token',
  account: '/openapi/v1/account',
  sessions: '/openapi/v1/account/sessions',
  own: '/openapi/v1/account/sessions/self',
  call: '/v1/tools/call'
} as const

export type PlayedServer = {
  origin: string
  /** What the next requests are answered with, by path. */
  answers: Record<string, Answer>
  asked: { path: string; authorization: string | undefined }[]
  /** What a device is told that begins to sign in here. */
  begun: Readonly<Record<string, unknown>>
}

/** A server that answers what a test wants. */
export const playServer = async (t: Test): Promise<PlayedServer> => {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const answers: Record<string, Answer> = {}
  const asked: PlayedServer['asked'] = []
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    for await (const piece of request) body += piece
    const path = request.url?.split('?')[0] ?? ''
    asked.push({ path, authorization: request.headers.authorization })
    const answer = answers[path]
    if (answer) answer(response, body)
    else response.writeHead(404).end()
  }
  const server = createServer(listener).listen(port, '127.0.0.1')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const begun = {
    device_code: 'device-code',
    user_code: 'ABCD-EFGH',
    verification_uri: `${origin}/device`,
    verification_uri_complete: `${origin}/device?user_code=ABCD-EFGH`,
    expires_in: 300,
    interval: 1
  }
  return { origin, answers, asked, begun }
}
