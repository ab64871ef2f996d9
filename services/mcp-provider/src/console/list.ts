import type { Asker } from '../asker.ts'
import type { ProviderRow } from '../database.ts'
import { answerOf } from '../providers/answer.ts'
import type { Desk } from '../providers/desk.ts'
import type { ProviderPlace } from '../providers/page-store.ts'
import { openShown } from '../providers/secrets.ts'
import { createRoom, type Room } from './room.ts'
import { listViewOf } from './view.ts'

// The reference answers with all of them at once; they are read by so many.
const providersPerRead = 100

type Registry = Pick<Desk, 'providers' | 'tools' | 'vault'>
type View = ReturnType<typeof listViewOf>

/** Every provider of the asker's tenant by name, with the tools that there is room for. */
export const listAll = async (registry: Registry, asker: Asker): Promise<View[]> => {
  const all: View[] = []
  // What is read is bounded, and once more what is shown, which is larger: each text is in it once for each language.
  const rooms = { read: createRoom(), shown: createRoom() }
  let after: ProviderPlace | undefined
  do {
    const rows = await registry.providers.page(asker.tenant_id, {
      ...{ order: 'name', limit: providersPerRead },
      ...(after ? { after } : {})
    })
    all.push(...(await viewsOf(registry, asker, rows, rooms)))
    after = rows.length === providersPerRead ? rows.at(-1) : undefined
  } while (after)
  return all
}

const viewsOf = async (
  { tools, vault }: Registry,
  asker: Asker,
  rows: ProviderRow[],
  { read, shown }: Record<'read' | 'shown', Room>
): Promise<View[]> => {
  const ids = rows.map(({ id }) => id)
  const sizes = await tools.sizesOf(ids)
  const kept = await tools.ofMany(ids.filter((id) => read.take(sizes.get(id)?.bytes ?? 0)))
  const opened = await Promise.all(rows.map((row) => openShown(vault, row)))
  return opened.map((provider) => {
    const toolsCount = sizes.get(provider.id)?.count ?? 0
    return listViewOf({ provider: answerOf(provider, kept.get(provider.id) ?? [], asker), toolsCount }, shown)
  })
}
