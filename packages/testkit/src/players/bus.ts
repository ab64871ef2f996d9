import { type Bus, connectBus } from '@onbehalf/rpc'
import type { Backends, TestContext } from '../backends.ts'
import type { ServiceName } from '../servers/service-names.ts'

/** A test's connection to the bus as one of the services, with that service's own rights. */
export const openBusAs = async (
  t: TestContext,
  backends: Pick<Backends, 'environmentFor'>,
  service: ServiceName
): Promise<Bus> => {
  const { NATS_URL: url = '', NATS_USER: user = '', NATS_PASSWORD: password = '' } = backends.environmentFor(service)
  const bus = await connectBus({ url, user, password, service })
  t.teardown(() => bus.drain())
  return bus
}
