import type { Asker } from '../asker.ts'
import type { ProviderRow } from '../database.ts'
import { answerOf } from '../providers/answer.ts'
import type { Desk } from '../providers/desk.ts'
import type { ProviderPlace } from '../providers/page-store.ts'
import { openProvider } from '../providers/secrets.ts'
import type { ProviderAnswer } from '../providers/shapes.ts'

// The reference answers with all of them at once; they are read by so many.
const providersPerRead = 500

type Registry = Pick<Desk, 'providers' | 'tools' | 'vault'>

/** Every provider of the asker's tenant by name, with its tools. */
export const listAll = async (registry: Registry, asker: Asker): Promise<ProviderAnswer[]> => {
  const all: ProviderAnswer[] = []
  let after: ProviderPlace | undefined
  do {
    const rows = await registry.providers.page(asker.tenant_id, {
      ...{ order: 'name', limit: providersPerRead },
      ...(after ? { after } : {})
    })
    all.push(...(await answersOf(registry, asker, rows)))
    after = rows.length === providersPerRead ? rows.at(-1) : undefined
  } while (after)
  return all
}

const answersOf = async ({ tools, vault }: Registry, asker: Asker, rows: ProviderRow[]): Promise<ProviderAnswer[]> => {
  const kept = await tools.ofMany(rows.map(({ id }) => id))
  const opened = await Promise.all(rows.map((row) => openProvider(vault, row)))
  return opened.map((provider) => answerOf(provider, kept.get(provider.id) ?? [], asker))
}
