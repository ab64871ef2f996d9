import { lookup as systemLookup } from 'node:dns/promises'
import ipaddr from 'ipaddr.js'
import { type AddressRange, isListed, parseAddress, parseAddressList } from './address-list.ts'
import { Refusal } from './failure.ts'
import { isPublic } from './public-address.ts'

/** Resolves a name to all its addresses; rejects when there is none. */
export type Lookup = (hostname: string) => Promise<string[]>

/** What the connection to a host and port may be used for. */
export type Destination = { hostname: string; port: number; isLoopbackOnly: boolean }

export type GuardOptions = { allow: string; deny: string; lookup?: Lookup | undefined }

/**
 * The addresses of a host, each one checked, to connect to without asking again.
 *
 * @throws Refusal when a single one of them is not allowed
 */
export type Guard = (destination: Destination) => Promise<string[]>

const lookupAll: Lookup = async (hostname) =>
  (await systemLookup(hostname, { all: true, order: 'verbatim' })).map(({ address }) => address)

const checkAddress = (allow: AddressRange[], deny: AddressRange[], text: string, destination: Destination): void => {
  const { hostname, port, isLoopbackOnly } = destination
  const address = parseAddress(text)
  const shown = `${hostname} is at ${text} port ${port}`
  if (address === undefined) throw new Refusal('address', `${shown}, which is no address`)
  // An own server is not reached through its IPv4-mapped form either.
  if (isListed(deny, ipaddr.process(text), port)) throw new Refusal('address', `${shown}, a server of our own`)
  const isAllowed = isListed(allow, address, port)
  if (isLoopbackOnly && !(isAllowed && address.range() === 'loopback'))
    throw new Refusal('plain_http', `${shown}, not a listed loopback address`)
  if (!isAllowed && !isPublic(address))
    throw new Refusal('address', `${shown}, which is ${address.range()} and not listed`)
}

/** Reads the lists and makes the guard. `deny` wins over `allow`; both are lists of address-or-CIDR:port. */
export const createGuard = ({ allow, deny, lookup = lookupAll }: GuardOptions): Guard => {
  const allowed = parseAddressList('EGRESS_ALLOW', allow)
  const denied = parseAddressList('The list of own servers', deny)
  return async (destination) => {
    const { hostname } = destination
    const addresses = parseAddress(hostname) === undefined ? await lookup(hostname) : [hostname]
    if (addresses.length === 0) throw new Error(`${hostname} has no address`)
    for (const address of addresses) checkAddress(allowed, denied, address, destination)
    return addresses
  }
}
