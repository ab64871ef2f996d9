import { setImmediate as turn } from 'node:timers/promises'
import { permissionsOf, type ServiceName, serviceNames } from '@onbehalf/contracts'
import { type Bus, connectBus } from '@onbehalf/rpc'
import { Refusal, UnreachableError } from '@onbehalf/service-kit'
import { natsUserOf } from './read.ts'

/** Throws, in one line, when this is not a NATS on which every service may say and hear what it has to. */
export const checkNats = async (url: string, passwords: Record<ServiceName, string>): Promise<void> => {
  try {
    for (const service of serviceNames) await checkService(url, service, passwords[service])
  } catch (cause) {
    throw new UnreachableError('NATS', 'NATS_URL', url, cause)
  }
}

const checkService = async (url: string, service: ServiceName, ownPassword: string): Promise<void> => {
  const { user, password } = natsUserOf(url) ?? { user: service, password: ownPassword }
  const bus = await connectBus({ url: withoutUser(url), service, user, password })
  try {
    const [one, ...more] = await refusedSubjects(bus, service)
    if (one === undefined) return
    const others = more.length > 0 ? ` and ${more.length} more` : ''
    throw new Refusal(`the user "${user}" may not ${one}${others}: give one that may publish and subscribe to all`)
  } finally {
    await bus.drain()
  }
}

// The client reads a user in the address its own way, and finds no server where the password has a sign it stumbles at.
const withoutUser = (url: string): string =>
  url
    .split(',')
    .map((one) => {
      const { protocol, host } = new URL(one)
      return `${protocol}//${host}`
    })
    .join(',')

/** What the server does not let this service do; it says so before it answers the ping of `flush`. */
const refusedSubjects = async ({ connection }: Bus, service: ServiceName): Promise<string[]> => {
  const refused = new Set<string>()
  const listen = async () => {
    for await (const { permissionContext } of connection.status()) {
      const { operation, subject } = permissionContext ?? {}
      if (subject) refused.add(`${operation === 'publish' ? 'publish' : 'subscribe to'} ${subject}`)
    }
  }
  listen().catch(() => {})
  const { publish, subscribe } = permissionsOf(service)
  for (const subject of subscribe) connection.subscribe(subject, { callback: () => {} })
  // Empty and without a place to answer: nobody takes it for a request or a change.
  for (const subject of publish) connection.publish(subject.replace('>', 'start'))
  await connection.flush()
  await turn()
  return [...refused]
}
