import type { Asker } from '../asker.ts'
import type { Desk } from './desk.ts'
import { providerEvent } from './event.ts'
import { noSuchProvider } from './problems.ts'
import { findProvider } from './read.ts'

export const removeProvider = async (
  desk: Pick<Desk, 'providers' | 'vault' | 'publish' | 'revokeUpstream'>,
  asker: Asker,
  id: string
): Promise<void> => {
  const provider = await findProvider(desk, asker.tenant_id, id)
  const dropped = await desk.providers.remove(asker.tenant_id, id, providerEvent(asker, 'deleted', id))
  if (!dropped) throw noSuchProvider()
  desk.publish(provider)
  desk.revokeUpstream(provider, dropped)
}
