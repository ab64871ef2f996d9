import type { UserPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { matches } from '@onbehalf/rpc'
import { isAdministrator, type Page, takePage } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { CallTable } from '../database.ts'
import type { CallPlace, CallStore } from './store.ts'

type Asked = { limit: number; cursor?: string }

/** A page of the calls the user may see: their own, or for owners and admins all of the tenant. */
export const listCalls = async (
  { calls }: { calls: Pick<CallStore, 'list'> },
  user: UserPrincipal,
  { limit, cursor }: Asked
): Promise<Page<CallTable>> => {
  const whose = { tenant_id: user.tenant_id, ...(isAdministrator(user) ? {} : { user_id: user.user_id }) }
  const after = cursor === undefined ? undefined : placeOf(cursor)
  return takePage(limit, (more) => calls.list({ ...whose, after, limit: more }), cursorOf)
}

const Place = Type.Tuple([Type.String({ format: 'date-time' }), Type.String({ format: 'uuid' })])

const cursorOf = ({ started_at, id }: CallTable): string =>
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
