import type { Sent, Transport } from '@onbehalf/client'
import { Problem } from '../problem.ts'

export type Reach = { server: string; token?: string | undefined; signal: AbortSignal; timeoutMs?: number }

const bytesMax = 8 * 1024 * 1024
const usualMs = 30_000

const headersOf = ({ token }: Reach, json: unknown, accept: string): Record<string, string> => ({
  accept,
  'user-agent': 'onbehalf-cli',
  ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  ...(json === undefined ? {} : { 'content-type': 'application/json' })
})

/** Sends one request. A redirect is not followed: what is sent is for this server. */
export const send = async (
  reach: Reach,
  { method, path, json }: Sent,
  accept = 'application/json'
): Promise<Response> => {
  const { server, signal, timeoutMs = usualMs } = reach
  const response = await fetch(new URL(path, server), {
    method,
    headers: headersOf(reach, json, accept),
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    ...(json === undefined ? {} : { body: JSON.stringify(json) })
  }).catch((cause: unknown) => {
    if (signal.aborted) throw cause
    throw new Problem('unreachable', `${server} does not answer. Is the address right, and is it up?`, { cause })
  })
  if (response.status < 300 || response.status >= 400) return response
  throw new Problem('unreachable', `${server} wants to send the request on to another place, which is not followed.`)
}

/** The whole of it. */
export const wholeOf = async (pieces: AsyncIterable<string>): Promise<string> => {
  let whole = ''
  for await (const piece of pieces) whole += piece
  return whole
}

/** An answer's body in pieces of text; throws where there is no end of it. */
export async function* textOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += piece.length
    if (bytes > bytesMax) throw new Problem('unreachable', 'The server answers with more than can be right (8 MB).')
    yield decoder.decode(piece, { stream: true })
  }
}

export const transportTo =
  (reach: Reach): Transport =>
  async (sent) => {
    const response = await send(reach, sent)
    return {
      status: response.status,
      type: response.headers.get('content-type') ?? undefined,
      text: await wholeOf(textOf(response))
    }
  }
