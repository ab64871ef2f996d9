import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'

/** The form of a request that tells its length; it is put back, since the provider reads it itself. */
export const peekForm = async (request: IncomingMessage): Promise<URLSearchParams> => {
  const bytes = Number(request.headers['content-length'] ?? 0)
  while (bytes > 0) {
    const body: Buffer | null = request.read(bytes)
    if (body) {
      request.unshift(body)
      return new URLSearchParams(body.toString())
    }
    await once(request, 'readable')
  }
  return new URLSearchParams()
}
