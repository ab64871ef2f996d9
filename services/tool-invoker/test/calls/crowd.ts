import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen, stopServer } from '@onbehalf/testkit'

type Message = { id?: unknown; method?: string; params?: { arguments?: { nonce?: unknown } } }

/** Numbers between 0 and 1, the same ones for the same seed (mulberry32). */
export const randomFrom = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const heldMax = 32

/**
 * A server that holds what it is asked and answers in an order of its own, with who asked and their nonce: at `/json`
 * and `/sse` without sessions, at `/session` with them. A session that somebody else uses is noted.
 */
export const startCrowd = async (random: () => number) => {
  const owners = new Map<string, string>()
  const crossed: string[] = []
  const held: (() => void)[] = []
  let arrived = 0
  let expected = 0

  // As long as more will come some are kept back, so that there is always an order to choose.
  const answerSome = () => {
    const kept = arrived >= expected ? 0 : heldMax
    while (held.length > kept) {
      const [one] = held.splice(Math.floor(random() * held.length), 1)
      one?.()
    }
  }
  const hold = (answer: () => void) => {
    arrived += 1
    held.push(answer)
    setImmediate(answerSome)
  }

  const server = createServer(async (request, response) => {
    const { id, method, params } = await messageOf(request)
    const subject = subjectIn(request)
    const session = String(request.headers['mcp-session-id'] ?? '')
    const reply = (body: object, headers: Record<string, string> = {}, status = 200) =>
      send(request, response, { jsonrpc: '2.0', id, ...body }, headers, status)
    const isSession = request.url === '/session'
    if (request.method !== 'POST') return response.writeHead(request.method === 'DELETE' ? 200 : 405).end()
    if (id === undefined) return response.writeHead(202).end()
    if (method === 'server/discover' && isSession)
      return reply({ error: { code: -32000, message: 'no session' } }, {}, 400)
    if (method === 'server/discover')
      return reply({ result: { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } } })
    if (method === 'initialize') {
      const opened = randomUUID()
      owners.set(opened, subject)
      const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'crowd', version: '1' } }
      return reply({ result }, { 'mcp-session-id': opened })
    }
    if (isSession && owners.get(session) !== subject)
      crossed.push(`${subject} in the session of ${owners.get(session)}`)
    const structuredContent = { nonce: params?.arguments?.nonce, subject, session }
    hold(() => reply({ result: { resultType: 'complete', content: [], structuredContent } }))
    return undefined
  })
  const port = await listen(server)
  return {
    port,
    urlOf: (kind: 'json' | 'sse' | 'session') => `http://127.0.0.1:${port}/${kind}`,
    /** So many calls will come; after the last one nothing is held any more. */
    expect: (count: number) => {
      arrived = 0
      expected = count
    },
    sessions: () => owners.size,
    crossed: () => [...crossed],
    stop: () => stopServer(server)
  }
}

const send = (
  { url }: IncomingMessage,
  response: ServerResponse,
  message: object,
  headers: Record<string, string>,
  status: number
) => {
  const json = JSON.stringify(message)
  const isStream = url === '/sse'
  response.writeHead(status, { 'content-type': isStream ? 'text/event-stream' : 'application/json', ...headers })
  return response.end(isStream ? `data: ${json}\n\n` : json)
}

const messageOf = async (request: IncomingMessage): Promise<Message> => {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text === '' ? {} : JSON.parse(text)
}

const subjectIn = ({ headers: { authorization = '' } }: IncomingMessage): string => {
  const claims = JSON.parse(Buffer.from(authorization.split('.')[1] ?? 'e30', 'base64url').toString())
  return String(claims.sub)
}
