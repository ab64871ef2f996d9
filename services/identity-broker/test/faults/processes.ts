import {
  freePort,
  type PostgresProxy,
  type RunningService,
  startPostgresProxy,
  startService,
  type TestContext
} from '@onbehalf/testkit'
import type { Broker, SignedIn } from '../start.ts'

/** What a caller got; a status of 0 is a connection that broke. */
export type Answer = {
  status: number
  code: string | undefined
  token: string | undefined
  expires_at: number | undefined
  /** Seconds. */
  retryAfter: number | undefined
}

export type BrokerProcess = RunningService & {
  /** Its own way to Postgres. */
  postgres: PostgresProxy
  /** Asks at its inner port for a user's token. */
  ask: (user: Pick<SignedIn, 'userId'>, signal?: AbortSignal) => Promise<Answer>
  signal: (signal: NodeJS.Signals) => void
}

/** The audience that everybody asks for. */
export const audience = 'http://127.0.0.1:9/mcp'

/** How long the IdP may take; the lease is held half as long again. */
export const idpTimeoutSeconds = 2

/** identity-broker as a process of its own beside the one of the test, with a short time for the IdP. */
export const startBrokerProcess = async (
  t: TestContext,
  { environment, backends, tenantId, secret }: Broker
): Promise<BrokerProcess> => {
  const [port, inner] = [await freePort(), await freePort()]
  const { DATABASE_URL = '' } = environment
  const postgres = await startPostgresProxy(DATABASE_URL)
  t.teardown(postgres.stop)
  const running = await startService('identity-broker', {
    environment: {
      ...environment,
      DATABASE_URL: postgres.urlFor(DATABASE_URL),
      INNER_PORT: String(inner),
      IDP_TIMEOUT_SECONDS: String(idpTimeoutSeconds)
    },
    port,
    logDirectory: backends.directory
  })
  t.teardown(running.stop)
  return {
    ...running,
    postgres,
    signal: (signal) => {
      process.kill(running.pid, signal)
    },
    ask: async ({ userId }, signal) => {
      const asked = fetch(`http://127.0.0.1:${inner}/inner/api/mcp/issue-token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'enterprise-api-secret-key': secret },
        body: JSON.stringify({ user_id: userId, tenant_id: tenantId, audience }),
        ...(signal ? { signal } : {})
      })
      return asked.then(read).catch(() => brokenOff)
    }
  }
}

const brokenOff: Answer = {
  ...{ status: 0, code: undefined, token: undefined, expires_at: undefined, retryAfter: undefined }
}

const read = async (response: Response): Promise<Answer> => {
  const { code, token, expires_at } = JSON.parse(await response.text())
  const retryAfter = response.headers.get('retry-after')
  return { status: response.status, code, token, expires_at, retryAfter: retryAfter ? Number(retryAfter) : undefined }
}
