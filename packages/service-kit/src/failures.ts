import { isIPv6 } from 'node:net'
import { countInWindows } from './windows.ts'

/**
 * Counts refused credentials per address on this replica, so that somebody who tries many costs us no look-ups: from
 * `max` (60) in `windowMs` (a minute) on, the next ones are 429 before anything is resolved. Only who was refused is
 * remembered, so visitors push nobody out.
 */
export const countFailures = (options: { max?: number; windowMs?: number; now?: () => number } = {}) => {
  const message = 'Too many refused credentials from your address. Wait a little.'
  const { add, refuseIfMany } = countInWindows({ max: 60, ...options, message })
  return {
    add: (ip: string) => add(networkOf(ip)),
    refuseIfMany: (ip: string) => refuseIfMany(networkOf(ip))
  }
}

/**
 * An IPv6 address counts as its /64: whoever has one address there has them all; with 48 as its /48, which is what one
 * customer gets at most for the asking. IPv4 in IPv6 (::ffff:…) is one address.
 */
export const networkOf = (ip: string, bits: 48 | 64 = 64): string => {
  // Most addresses are IPv4, and each request asks.
  if (!ip.includes(':') || !isIPv6(ip) || /^::ffff:\d+\./i.test(ip)) return ip
  const [head = '', tail] = ip.split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail ? tail.split(':').length : 0
  const zeros = tail === undefined ? 0 : 8 - groups.length - after
  const all = [...groups, ...Array.from({ length: zeros }, () => '0'), ...(tail ? tail.split(':') : [])]
  return all
    .slice(0, bits / 16)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
