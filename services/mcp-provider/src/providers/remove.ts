import type { Asker } from '../asker.ts'
import type { Desk } from './desk.ts'
import { providerEvent } from './event.ts'
import { noSuchProvider } from './problems.ts'

/** Opens nothing of it: one whose secrets cannot be read any more can be deleted as well. */
export const removeProvider = async (
  { providers, publish, revokeDropped }: Pick<Desk, 'providers' | 'publish' | 'revokeDropped'>,
  asker: Asker,
  id: string
): Promise<void> => {
  const { tenant_id } = asker
  const isRemoved = await providers.remove(tenant_id, id, providerEvent(asker, 'deleted', id))
  if (!isRemoved) throw noSuchProvider()
  publish({ id, tenant_id })
  revokeDropped(tenant_id)
}
