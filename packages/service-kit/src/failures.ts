import { isIPv6 } from 'node:net'
import { ReportedError } from '@onbehalf/errors'
import { LRUCache } from 'lru-cache'

/**
 * Counts refused credentials per address on this replica, so that somebody who tries many costs us no look-ups: from
 * `max` (60) in `windowMs` (a minute) on, the next ones are 429 before anything is resolved. Only who was refused is
 * remembered, so visitors push nobody out.
 */
export const countFailures = ({ max = 60, windowMs = 60_000, now = Date.now } = {}) => {
  const windows = new LRUCache<string, { count: number; endsAt: number }>({ max: 10_000 })
  const heldOf = (ip: string) => {
    const held = windows.get(networkOf(ip))
    return held && now() < held.endsAt ? held : undefined
  }
  return {
    add: (ip: string) => {
      const held = heldOf(ip)
      if (held) held.count += 1
      else windows.set(networkOf(ip), { count: 1, endsAt: now() + windowMs })
    },
    refuseIfMany: (ip: string) => {
      const held = heldOf(ip)
      if (!held || held.count < max) return
      throw new ReportedError('too_many_requests', 'Too many refused credentials from your address. Wait a little.', {
        retry_after_seconds: Math.max(1, Math.ceil((held.endsAt - now()) / 1000))
      })
    }
  }
}

/** An IPv6 address counts as its /64: whoever has one address there has them all. IPv4 in IPv6 (::ffff:…) is one address. */
const networkOf = (ip: string): string => {
  if (!isIPv6(ip) || /^::ffff:\d+\./i.test(ip)) return ip
  const [head = '', tail] = ip.split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail ? tail.split(':').length : 0
  const zeros = tail === undefined ? 0 : 8 - groups.length - after
  const all = [...groups, ...Array.from({ length: zeros }, () => '0'), ...(tail ? tail.split(':') : [])]
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
