import { ReportedError } from '@onbehalf/errors'
import type { GateLimits, Gates } from './gates.ts'

type Limits = Pick<GateLimits, 'listenersMax' | 'listenersPerTenantMax'>

/** Lets so many listen to each origin at once; none of them waits. */
export const createListening = ({ listenersMax, listenersPerTenantMax }: Limits): Gates['listening'] => {
  const counts = new Map<string, number>()
  const countOf = (key: string): number => counts.get(key) ?? 0
  const add = (key: string, by: 1 | -1): void => {
    const count = countOf(key) + by
    if (count > 0) counts.set(key, count)
    else counts.delete(key)
  }
  return async ({ tenant_id, server_url }, work) => {
    const { origin } = new URL(server_url)
    const share = `${tenant_id} ${origin}`
    if (countOf(origin) >= listenersMax || countOf(share) >= listenersPerTenantMax) throw tooMany()
    for (const key of [origin, share]) add(key, 1)
    try {
      return await work()
    } finally {
      for (const key of [origin, share]) add(key, -1)
    }
  }
}

const tooMany = () =>
  new ReportedError('upstream_unavailable', 'Too many listen to this MCP server. Try again later.', {
    retry_after_seconds: 60
  })
