import { lookup } from 'node:dns/promises'
import { defaultPorts } from './server-address.ts'

/**
 * Our own servers as egress denies them (`address:port`, comma separated): whatever EGRESS_ALLOW says, nobody's URL
 * leads to our database, cache or bus. Names are looked up once, at the start.
 */
export const ownServers = async (urls: readonly string[]): Promise<string> => {
  const each = await Promise.all(urls.flatMap((list) => list.split(',')).map(addressesOf))
  return each.flat().join(',')
}

const addressesOf = async (text: string): Promise<string[]> => {
  if (!URL.canParse(text)) return []
  const { protocol, hostname, port } = new URL(text)
  const found = await lookup(hostname.replace(/^\[|\]$/g, ''), { all: true }).catch(() => [])
  const at = port || defaultPorts[protocol]
  return at ? found.map(({ address, family }) => `${family === 6 ? `[${address}]` : address}:${at}`) : []
}
