import type { Asker } from '../asker.ts'
import type { Desk } from './desk.ts'
import { providerEvent } from './event.ts'
import { noSuchProvider } from './problems.ts'

export const removeProvider = async (
  { providers, publish }: Pick<Desk, 'providers' | 'publish'>,
  asker: Asker,
  id: string
): Promise<void> => {
  if (!(await providers.remove(asker.tenant_id, id, providerEvent(asker, 'deleted', id)))) throw noSuchProvider()
  publish({ id, tenant_id: asker.tenant_id })
}
