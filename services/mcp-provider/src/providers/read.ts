import type { Vault } from '@onbehalf/vault'
import type { Asker } from '../asker.ts'
import { answerOf } from './answer.ts'
import type { Desk } from './desk.ts'
import { noSuchProvider } from './problems.ts'
import type { Provider } from './provider.ts'
import { openProvider, openShown } from './secrets.ts'
import type { ProviderAnswer } from './shapes.ts'
import type { ProviderStore } from './store.ts'

/** A provider of the asker's tenant. */
export const findProvider = async (
  { providers, vault }: { providers: Pick<ProviderStore, 'find'>; vault: Pick<Vault, 'open'> },
  tenant_id: string,
  id: string
): Promise<Provider> => {
  const row = await providers.find(tenant_id, id)
  if (!row) throw noSuchProvider()
  return openProvider(vault, row)
}

/** A provider with its tools, as the asker may see it. */
export const readProvider = async (
  desk: Pick<Desk, 'providers' | 'tools' | 'vault'>,
  asker: Asker,
  id: string
): Promise<ProviderAnswer> => {
  const row = await desk.providers.findShown(asker.tenant_id, id)
  if (!row) throw noSuchProvider()
  return answerOf(await openShown(desk.vault, row), await desk.tools.of(id), asker)
}
