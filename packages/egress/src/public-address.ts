import ipaddr from 'ipaddr.js'
import type { Address } from './address-list.ts'

// Of IPv6 only 2000::/3 is given out (RFC 4291 §2.4). What lies outside also holds the forms that carry an IPv4
// address: mapped, compatible and NAT64; 6to4 and Teredo lie inside and have ranges of their own.
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')
// Azure's metadata and DNS address, which is not in a special range.
const metadata = new Set(['168.63.129.16'])

/** Whether an address belongs to the public Internet, so that anyone may be called there. */
export const isPublic = (address: Address): boolean => {
  if (address.range() !== 'unicast' || metadata.has(address.toString())) return false
  return address instanceof ipaddr.IPv4 || address.match(globalUnicast)
}
