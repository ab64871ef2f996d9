import { ReportedError } from '@onbehalf/errors'
import { LRUCache } from 'lru-cache'

type Limit = { max: number; windowMs?: number; now?: () => number; message: string }

/** Counts on this replica what each key did in its window (a minute); only who did something is remembered. */
export const countInWindows = ({ max, windowMs = 60_000, now = Date.now, message }: Limit) => {
  const windows = new LRUCache<string, { count: number; endsAt: number }>({ maxSize: 10_000, sizeCalculation: () => 1 })
  const heldOf = (key: string) => {
    const held = windows.get(key)
    return held && now() < held.endsAt ? held : undefined
  }
  return {
    add: (key: string) => {
      const held = heldOf(key)
      if (held) held.count += 1
      else windows.set(key, { count: 1, endsAt: now() + windowMs })
    },
    /** Throws `too_many_requests` once the window is full. */
    refuseIfMany: (key: string) => {
      const held = heldOf(key)
      if (!held || held.count < max) return
      throw new ReportedError('too_many_requests', message, {
        retry_after_seconds: Math.max(1, Math.ceil((held.endsAt - now()) / 1000))
      })
    }
  }
}
