import { ReportedError } from '@onbehalf/errors'
import type { Gates } from './gates.ts'

/** Lets so many listen to each origin at once; none of them waits. */
export const createListening = ({ listenersMax }: { listenersMax: number }): Gates['listening'] => {
  const counts = new Map<string, number>()
  return async (serverUrl, work) => {
    const { origin } = new URL(serverUrl)
    const count = counts.get(origin) ?? 0
    if (count >= listenersMax) throw tooMany()
    counts.set(origin, count + 1)
    try {
      return await work()
    } finally {
      const left = (counts.get(origin) ?? 1) - 1
      if (left > 0) counts.set(origin, left)
      else counts.delete(origin)
    }
  }
}

const tooMany = () =>
  new ReportedError('upstream_unavailable', 'Too many listen to this MCP server. Try again later.', {
    retry_after_seconds: 60
  })
