import { ServerIdentifier } from '@onbehalf/contracts'
import { matches } from '@onbehalf/rpc'
import { readCursor, writeCursor } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'
import { RpcFault, rpcCodes } from './rpc.ts'

const pagesMax = 10
const serverCursorLengthMax = 4_096
/** How many providers one answer joins. */
export const providersPerPage = 10

/** Where one provider's list goes on: behind so many items of a page of its server's. */
const Place = Type.Object({
  server_identifier: ServerIdentifier,
  page: Type.Integer({ minimum: 1, maximum: pagesMax }),
  skipped: Type.Integer({ minimum: 0 }),
  /** The server's own, of every page but the first. */
  cursor: Type.Optional(Type.String({ maxLength: serverCursorLengthMax }))
})
export type Place = Static<typeof Place>

export const beginningAt = (server_identifier: string): Place => ({ server_identifier, page: 1, skipped: 0 })

/** The page behind it: undefined where there is none, or one too many. */
export const pageAfter = ({ server_identifier, page }: Place, cursor: unknown): Place | undefined =>
  typeof cursor === 'string' && cursor.length <= serverCursorLengthMax && page < pagesMax
    ? { server_identifier, page: page + 1, skipped: 0, cursor }
    : undefined

/** What is left of a joined list: of providers that it has come to, and from which one on there are others. */
export type Left = { places: Place[]; next: string | null }

const ListCursor = Type.String({ maxLength: 100 })
const LeftCursor = Type.Tuple([
  Type.Array(Place, { minItems: 1, maxItems: providersPerPage }),
  Type.Union([ListCursor, Type.Null()])
])
/** The cursor of the list of providers is an identifier, and none has this sign. */
const mark = '~'

/** The cursor of what is left; null where that is nothing. */
export const cursorOf = ({ places, next }: Left): string | null =>
  places.length === 0 ? next : `${mark}${writeCursor([places, next])}`

/** What a cursor says is left. Throws where no list gave it. */
export const leftOf = (cursor: unknown): Left => {
  if (typeof cursor === 'string' && cursor.startsWith(mark)) {
    const [places, next] = readCursor(LeftCursor, cursor.slice(mark.length))
    // Each once: who makes one up asks a server no more often than a list does.
    if (new Set(places.map(({ server_identifier }) => server_identifier)).size < places.length) throw badCursor()
    return { places, next }
  }
  if (!matches(ListCursor, cursor)) throw badCursor()
  return { places: [], next: cursor }
}

const badCursor = () => new RpcFault(rpcCodes.invalidParams, 'params.cursor is not one that a list gave.')
