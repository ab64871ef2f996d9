import { Uuid } from '@onbehalf/contracts'
import { type TProperties, type TSchema, Type } from '@sinclair/typebox'
import { orNull } from './schema.ts'

/** The query of a list: `limit` (50, at most 200), the `cursor` of the page before, and the list's own filters. */
export const pageQuery = <Filters extends TProperties>(filters: Filters) => cursorQuery(Uuid, filters)

/** The same where a cursor is not just the id of a page's last row. */
export const cursorQuery = <Cursor extends TSchema, Filters extends TProperties>(cursor: Cursor, filters: Filters) =>
  Type.Object(
    {
      limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
      cursor: Type.Optional(cursor),
      ...filters
    },
    { additionalProperties: false }
  )

/** The answer of a list: `next_cursor` is null on the last page. */
export const pageAnswer = <Item extends TSchema>(item: Item) =>
  Type.Object({ data: Type.Array(item), next_cursor: orNull(Type.String()) })

export type Page<Row> = { data: Row[]; next_cursor: string | null }

/** A page of at most `limit` rows; `load` is asked for one more, which tells whether another page follows. */
export const takePage = async <Row extends { id: string }>(
  limit: number,
  load: (limit: number) => Promise<Row[]>,
  cursorOf: (last: Row) => string = ({ id }) => id
): Promise<Page<Row>> => {
  const rows = await load(limit + 1)
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  return { data, next_cursor: rows.length > limit && last ? cursorOf(last) : null }
}
