import type { UserPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { matches } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import type { CallTable } from '../database.ts'
import type { CallPlace, CallStore } from './store.ts'

type Asked = { limit: number; cursor?: string }

/** A page of the calls the user may see: their own, or for owners and admins all of the tenant. */
export const listCalls = async (
  { calls }: { calls: Pick<CallStore, 'list'> },
  { tenant_id, user_id, role }: UserPrincipal,
  { limit, cursor }: Asked
): Promise<{ data: CallTable[]; next_cursor: string | null }> => {
  const isAdministrator = role === 'owner' || role === 'admin'
  const data = await calls.list({
    tenant_id,
    ...(isAdministrator ? {} : { user_id }),
    after: cursor === undefined ? undefined : placeOf(cursor),
    limit: limit + 1
  })
  const page = data.slice(0, limit)
  const last = page.at(-1)
  return { data: page, next_cursor: data.length > limit && last ? cursorOf(last) : null }
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
