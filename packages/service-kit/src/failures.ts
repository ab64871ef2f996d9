import { ReportedError } from '@onbehalf/errors'
import { LRUCache } from 'lru-cache'

/**
 * Counts refused credentials per IP on this replica, so that somebody who tries many costs us no look-ups: from
 * `max` (60) in `windowMs` (a minute) on, the next ones are 429 before anything is resolved.
 */
export const countFailures = ({ max = 60, windowMs = 60_000, now = Date.now } = {}) => {
  const windows = new LRUCache<string, { count: number; endsAt: number }>({ max: 10_000 })
  const windowOf = (ip: string) => {
    const held = windows.get(ip)
    if (held && now() < held.endsAt) return held
    const fresh = { count: 0, endsAt: now() + windowMs }
    windows.set(ip, fresh)
    return fresh
  }
  return {
    add: (ip: string) => {
      windowOf(ip).count += 1
    },
    refuseIfMany: (ip: string) => {
      const { count, endsAt } = windowOf(ip)
      if (count < max) return
      throw new ReportedError('too_many_requests', 'Too many refused credentials from your address. Wait a little.', {
        retry_after_seconds: Math.max(1, Math.ceil((endsAt - now()) / 1000))
      })
    }
  }
}
