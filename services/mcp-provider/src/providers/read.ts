import { takePage } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import type { Asker } from '../asker.ts'
import { answerOf, summaryOf } from './answer.ts'
import type { Desk } from './desk.ts'
import { noSuchProvider } from './problems.ts'
import type { Provider } from './provider.ts'
import { openProvider } from './secrets.ts'
import type { ProviderAnswer, ProviderPage } from './shapes.ts'
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
  const provider = await findProvider(desk, asker.tenant_id, id)
  return answerOf(provider, await desk.tools.of(id), asker)
}

/** A page of the tenant's providers, without their tools. */
export const listProviders = async (
  { providers, vault }: Pick<Desk, 'providers' | 'vault'>,
  asker: Asker,
  { limit, cursor }: { limit: number; cursor?: string }
): Promise<ProviderPage> => {
  const load = (more: number) => providers.page(asker.tenant_id, { limit: more, ...(cursor ? { cursor } : {}) })
  const { data, next_cursor } = await takePage(limit, load)
  const opened = await Promise.all(data.map((row) => openProvider(vault, row)))
  return { data: opened.map((provider) => summaryOf(provider, asker)), next_cursor }
}
