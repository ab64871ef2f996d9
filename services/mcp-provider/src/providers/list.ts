import { readCursor, takePage, writeCursor } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { Asker } from '../asker.ts'
import { summaryOf } from './answer.ts'
import type { Desk } from './desk.ts'
import type { ProviderOrder, ProviderPlace } from './page-store.ts'
import { openShown } from './secrets.ts'
import type { ProviderPage } from './shapes.ts'

type Asked = { limit: number; order: ProviderOrder; cursor?: string; search?: string }

/** A page of the tenant's providers, without their tools. */
export const listProviders = async (
  { providers, vault }: Pick<Desk, 'providers' | 'vault'>,
  asker: Asker,
  { limit, order, cursor, search }: Asked
): Promise<ProviderPage> => {
  const query = { order, ...(search ? { search } : {}), ...(cursor ? { after: placeOf(cursor) } : {}) }
  const load = (more: number) => providers.page(asker.tenant_id, { ...query, limit: more })
  const { data, next_cursor } = await takePage(limit, load, cursorOf)
  const opened = await Promise.all(data.map((row) => openShown(vault, row)))
  return { data: opened.map((provider) => summaryOf(provider, asker)), next_cursor }
}

const Place = Type.Tuple([Type.String(), Type.String({ format: 'uuid' })])

const cursorOf = ({ name, id }: ProviderPlace): string => writeCursor([name, id])

const placeOf = (cursor: string): ProviderPlace => {
  const [name, id] = readCursor(Place, cursor)
  return { name, id }
}
