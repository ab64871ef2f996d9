import type { Asker } from '../asker.ts'
import { answerOf } from '../providers/answer.ts'
import type { Desk } from '../providers/desk.ts'
import { openProvider } from '../providers/secrets.ts'
import type { ProviderAnswer } from '../providers/shapes.ts'

// The reference answers with all of them at once.
const providersMax = 1_000

/** The first thousand providers of the asker's tenant by name, with their tools. */
export const listAll = async (
  { providers, tools, vault }: Pick<Desk, 'providers' | 'tools' | 'vault'>,
  asker: Asker
): Promise<ProviderAnswer[]> => {
  const rows = await providers.page(asker.tenant_id, { order: 'name', limit: providersMax })
  const kept = await tools.ofMany(rows.map(({ id }) => id))
  const opened = await Promise.all(rows.map((row) => openProvider(vault, row)))
  return opened.map((provider) => answerOf(provider, kept.get(provider.id) ?? [], asker))
}
