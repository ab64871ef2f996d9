import { freePort, type RunningService, startService, type TestContext } from '@onbehalf/testkit'
import type { Broker, SignedIn } from '../start.ts'

export type BrokerProcess = RunningService & {
  /** Asks at its inner port for a user's token; a status of 0 is a connection that broke. */
  ask: (user: SignedIn) => Promise<{ status: number; code: string | undefined; token: string | undefined }>
  signal: (signal: NodeJS.Signals) => void
}

/** The audience that everybody asks for. */
export const audience = 'http://127.0.0.1:9/mcp'

/** identity-broker as a process of its own beside the one of the test, with a short time for the IdP. */
export const startBrokerProcess = async (
  t: TestContext,
  { environment, backends, tenantId, secret }: Broker
): Promise<BrokerProcess> => {
  const [port, inner] = [await freePort(), await freePort()]
  const running = await startService('identity-broker', {
    environment: { ...environment, INNER_PORT: String(inner), IDP_TIMEOUT_SECONDS: '2' },
    port,
    logDirectory: backends.directory
  })
  t.teardown(running.stop)
  return {
    ...running,
    signal: (signal) => {
      process.kill(running.pid, signal)
    },
    ask: async ({ userId }) => {
      const asked = fetch(`http://127.0.0.1:${inner}/inner/api/mcp/issue-token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'enterprise-api-secret-key': secret },
        body: JSON.stringify({ user_id: userId, tenant_id: tenantId, audience })
      })
      const answer = await asked.catch(() => undefined)
      if (!answer) return { status: 0, code: undefined, token: undefined }
      const { code, token } = JSON.parse(await answer.text())
      return { status: answer.status, code, token }
    }
  }
}
