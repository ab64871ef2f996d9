import { ReportedError } from '@onbehalf/errors'
import type { GateLimits, Gates } from './gates.ts'

/**
 * Lets so many listen to each origin at once; none of them waits. A tenant takes no more places than are left for others
 * then, so that none has all, nor have two together.
 */
export const createListening = ({ listenersMax }: Pick<GateLimits, 'listenersMax'>): Gates['listening'] => {
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
    if (countOf(share) >= listenersMax - countOf(origin)) throw tooMany()
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
