import ipaddr from 'ipaddr.js'

export type Address = ipaddr.IPv4 | ipaddr.IPv6
/** One entry of EGRESS_ALLOW: a range of addresses, all at one port. */
export type AddressRange = { base: Address; prefix: number; port: number }

const bits = { ipv4: 32, ipv6: 128 } as const

/** An address in its usual notation (IPv4 in four decimal parts), or undefined. */
export const parseAddress = (text: string): Address | undefined => {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  return text.includes(':') && ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : undefined
}

/** Reads `10.0.0.0/8:443`, `[::1]:9000`, `[fd00::]/8:443`, `[fd00::/8]:443`; undefined when it is none of those. */
const parseEntry = (entry: string): AddressRange | undefined => {
  const [, range = '', port = ''] = /^(\[[^\]]+\](?:\/\d+)?|[\d./]+):(\d+)$/.exec(entry) ?? []
  const [host = '', prefix, ...rest] = range.replace(/[[\]]/g, '').split('/')
  const base = parseAddress(host)
  if (base === undefined || rest.length > 0) return undefined
  const parsed = { base, prefix: Number(prefix ?? bits[base.kind()]), port: Number(port) }
  return parsed.prefix <= bits[base.kind()] && parsed.port >= 1 && parsed.port <= 65_535 ? parsed : undefined
}

/**
 * Reads a comma-separated list of address-or-CIDR:port.
 *
 * @param name the variable, for the message
 * @throws Error that names the variable and the entry
 */
export const parseAddressList = (name: string, text: string): AddressRange[] =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const range = parseEntry(entry)
      if (range !== undefined) return range
      throw new Error(
        `${name}: "${entry}" is not an address with a port, such as 127.0.0.1:8080, 10.0.0.0/8:443 or [::1]:9000.`
      )
    })

/** Whether an address and port are in the list. An IPv4-mapped IPv6 address is not its IPv4 address. */
export const isListed = (list: AddressRange[], address: Address, port: number): boolean =>
  list.some(
    (range) => range.port === port && range.base.kind() === address.kind() && address.match(range.base, range.prefix)
  )
