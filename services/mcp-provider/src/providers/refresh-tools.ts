import type { Asker } from '../asker.ts'
import type { Desk } from './desk.ts'
import { changedMeanwhile } from './problems.ts'
import { findProvider, readProvider } from './read.ts'
import type { ProviderAnswer } from './shapes.ts'

/** Lists a provider's tools anew because somebody asked; what goes wrong is told in the answer. */
export const refreshToolsOf = async (desk: Desk, asker: Asker, id: string): Promise<ProviderAnswer> => {
  const provider = await findProvider(desk, asker.tenant_id, id)
  const isKept = await desk.refreshTools(provider, asker)
  const answer = await readProvider(desk, asker, id)
  if (!isKept) throw changedMeanwhile()
  return answer
}
