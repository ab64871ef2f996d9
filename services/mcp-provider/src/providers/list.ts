import { ReportedError } from '@onbehalf/errors'
import { matches } from '@onbehalf/rpc'
import { takePage } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { Asker } from '../asker.ts'
import { summaryOf } from './answer.ts'
import type { Desk } from './desk.ts'
import type { ProviderOrder, ProviderPlace } from './page-store.ts'
import { openProvider } from './secrets.ts'
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
  const opened = await Promise.all(data.map((row) => openProvider(vault, row)))
  return { data: opened.map((provider) => summaryOf(provider, asker)), next_cursor }
}

const Place = Type.Tuple([Type.String(), Type.String({ format: 'uuid' })])

const cursorOf = ({ name, id }: ProviderPlace): string => Buffer.from(JSON.stringify([name, id])).toString('base64url')

const placeOf = (cursor: string): ProviderPlace => {
  const place = parse(Buffer.from(cursor, 'base64url').toString())
  if (matches(Place, place)) return { name: place[0], id: place[1] }
  throw new ReportedError('invalid_request', 'cursor is not one that was handed out. Begin again without it.', {
    details: [{ path: 'cursor', message: 'is not one that was handed out' }]
  })
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
