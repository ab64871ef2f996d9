import type { UserPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { matches } from '@onbehalf/rpc'
import { isAdministrator, type Page, takePage } from '@onbehalf/service-kit'
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

const Place = Type.Tuple([Type.String({ format: 'date-time' }), Type.String({ format: 'uuid' })])

const cursorOf = ({ started_at, id }: StoredCall): string =>
  Buffer.from(JSON.stringify([started_at.toISOString(), id])).toString('base64url')

const placeOf = (cursor: string): CallPlace => {
  const place = parse(Buffer.from(cursor, 'base64url').toString())
  if (!matches(Place, place)) throw badCursor()
  return { started_at: place[0], id: place[1] }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const badCursor = () =>
  new ReportedError('invalid_request', 'cursor is not one that was handed out. Begin again without it.', {
    details: [{ path: 'cursor', message: 'is not one that was handed out' }]
  })
