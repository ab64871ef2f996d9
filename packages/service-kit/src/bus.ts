import { type Bus, connectBus } from '@onbehalf/rpc'
import type { Dependency } from './health.ts'
import { UnreachableError } from './unreachable-error.ts'

/** The service's connection to NATS; throws, naming the variable and what was tried, when NATS does not answer. */
export const openBus = async (options: {
  service: string
  url: string
  user: string
  password: string
}): Promise<{ bus: Bus; dependency: Dependency }> => {
  const bus = await connectBus(options).catch((cause: unknown) => {
    throw new UnreachableError('NATS', 'NATS_URL', options.url, cause)
  })
  const check = async () => {
    if (!bus.isConnected()) throw new Error('disconnected')
  }
  return { bus, dependency: { name: 'nats', check } }
}
