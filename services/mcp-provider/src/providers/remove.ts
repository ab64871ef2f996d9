import type { Asker } from '../asker.ts'
import type { Desk } from './desk.ts'
import { noSuchProvider } from './problems.ts'

export const removeProvider = async (
  { providers, publish }: Pick<Desk, 'providers' | 'publish'>,
  { tenant_id }: Asker,
  id: string
): Promise<void> => {
  if (!(await providers.remove(tenant_id, id))) throw noSuchProvider()
  publish(id)
}
