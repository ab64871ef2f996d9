import { ReportedError } from '@onbehalf/errors'
import type { GateLimits, Gates } from './gates.ts'
import { createShares } from './shares.ts'

/** Lets so many listen to each origin at once, each tenant its share; none of them waits. */
export const createListening = ({ listenersMax }: Pick<GateLimits, 'listenersMax'>): Gates['listening'] => {
  const shares = createShares(listenersMax)
  return async ({ tenant_id, server_url }, work) => {
    const giveBack = shares.take(tenant_id, new URL(server_url).origin)
    if (!giveBack) throw tooMany()
    try {
      return await work()
    } finally {
      giveBack()
    }
  }
}

const tooMany = () =>
  new ReportedError('upstream_unavailable', 'Too many listen to this MCP server. Try again later.', {
    retry_after_seconds: 60
  })
