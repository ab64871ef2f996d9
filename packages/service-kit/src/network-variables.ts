import { isIP } from 'node:net'
import { parseAddressList } from '@onbehalf/egress/address-list'
import { list, variable } from './config.ts'

const natsServer = /^(nats|tls):\/\/([^@/\s]+@)?([\w.-]+|\[[\da-f:]+\])(:\d{1,5})?\/?$/i

/** One or several NATS servers; a scheme that was left out is filled in. */
export const natsServers = variable((given) => {
  const servers = given.split(',').map((server) => server.trim())
  const urls = servers.map((server) => (server.includes('://') ? server : `nats://${server}`))
  if (urls.every((url) => natsServer.test(url) && URL.canParse(url))) return urls.join(',')
  throw new Error('must be servers such as nats://nats.example.com:4222, with commas between them')
})

const isNetwork = (text: string): boolean => {
  const [address = '', prefix = '0', ...rest] = text.split('/')
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  return rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits
}

/** Addresses and CIDRs. */
export const networks = (...[describe, options]: Parameters<typeof list>) => {
  const made = list(describe, options)
  const parse = (given: string) => {
    const parsed = made.parse(given)
    if (parsed.every(isNetwork)) return parsed
    throw new Error('must be addresses such as 10.0.0.1 or 10.0.0.0/8, with commas between them')
  }
  return { ...made, parse }
}

/** Addresses and CIDRs, each with a port, as packages/egress reads them. */
export const addressesWithPorts = variable((given) => {
  try {
    parseAddressList('', given)
    return given
  } catch {
    throw new Error('must be such as 10.0.0.1:8080 or 10.0.0.0/8:443, with commas between them')
  }
})
