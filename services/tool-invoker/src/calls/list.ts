import type { UserPrincipal } from '@onbehalf/contracts'
import { AskedTime, isAdministrator, type Page, readCursor, takePage, writeCursor } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { CallFilters, CallPlace, CallStore, StoredCall } from './store.ts'

type Asked = CallFilters & { limit: number; cursor?: string }

/** A page of the calls the user may see: their own, or for owners and admins all of the tenant. */
export const listCalls = async (
  { calls }: { calls: Pick<CallStore, 'list'> },
  user: UserPrincipal,
  { limit, cursor, ...asked }: Asked
): Promise<Page<StoredCall>> => {
  const { tenant_id, user_id } = user
  if (!isAdministrator(user) && (asked.user_id ?? user_id) !== user_id) return { data: [], next_cursor: null }
  const filters = isAdministrator(user) ? asked : { ...asked, user_id }
  const after = cursor === undefined ? undefined : placeOf(cursor)
  return takePage(limit, (more) => calls.list({ tenant_id, filters, after, limit: more }), cursorOf)
}

/** All pages of such a list, from its cursor on. */
export const allCalls = async function* (
  tools: { calls: Pick<CallStore, 'list'> },
  user: UserPrincipal,
  asked: Asked
): AsyncGenerator<StoredCall[]> {
  let { cursor } = asked
  do {
    const from = cursor === undefined ? {} : { cursor }
    const { data, next_cursor } = await listCalls(tools, user, { ...asked, limit: linesPerPage, ...from })
    yield data
    cursor = next_cursor ?? undefined
  } while (cursor !== undefined)
}

const linesPerPage = 500

const Place = Type.Tuple([AskedTime, Type.String({ format: 'uuid' })])

const cursorOf = ({ started_at, id }: StoredCall): string => writeCursor([started_at.toISOString(), id])

const placeOf = (cursor: string): CallPlace => {
  const [started_at, id] = readCursor(Place, cursor)
  return { started_at, id }
}
