import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { ReportedError } from '@onbehalf/errors'
import { renderReported } from './error-handler.ts'
import { requestIdOf } from './request-id.ts'

/** Holds a service's address while it starts. */
export type Starting = {
  /** The port it got, where 0 was asked for. */
  port: number
  /** Lets go of the address, for the app. */
  end: () => Promise<void>
}

const notYet = () =>
  new ReportedError('unavailable', 'This replica is starting. Try again.', { retry_after_seconds: 1 })

const answer: RequestListener = ({ url, headers }, response) => {
  const tell = (status: number, body: object) =>
    response
      .writeHead(status, {
        'content-type': 'application/json; charset=utf-8',
        'cache-control': 'no-store',
        // The next request is for the app.
        connection: 'close',
        ...(status === 200 ? {} : { 'retry-after': '1' })
      })
      .end(JSON.stringify(body))
  if (url === '/healthz') return tell(200, { status: 'ok' })
  if (url === '/readyz') return tell(503, { status: 'starting' })
  tell(503, renderReported(notYet(), requestIdOf(headers)))
}

/**
 * Answers on a service's address from the moment its configuration is known until its app can: `/healthz` with 200,
 * `/readyz` and everything else with 503 and Retry-After. Throws when the address cannot be had.
 */
export const answerWhileStarting = async (address: { host: string; port: number }): Promise<Starting> => {
  const server = createServer(answer)
  server.listen(address)
  await once(server, 'listening')
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound ? bound.port : address.port,
    end: async () => {
      const closed = once(server, 'close')
      server.close()
      // Also one that never asks: every answer here is given at once, so nobody is cut off who waits for one.
      server.closeAllConnections()
      await closed
    }
  }
}
