import { type RawBuilder, sql } from 'kysely'
import { held } from './together.ts'

/**
 * Items as the table `given`: `columns` as a table definition has them, and the `number` of each from 0 on. The limit
 * tells the planner how few they are.
 */
export const givenItems = (items: readonly object[], columns: string): RawBuilder<unknown> => {
  const numbered = items.map((item, number) => ({ ...item, number }))
  return sql`given as (
    select * from json_to_recordset(${JSON.stringify(numbered)}::json) as item (number integer, ${sql.raw(columns)})
    limit ${items.length})`
}

type Numbered<Row> = { number: number; row: Row }

/** What was found, in the order of the items. */
export const inOrder = <Row>(
  items: readonly object[],
  rows: 'wait' | 'pass over',
  found: readonly Numbered<Row>[]
): (Row | null | typeof held)[] => {
  const ordered: (Row | null | typeof held)[] = items.map(() => (rows === 'wait' ? null : held))
  for (const { number, row } of found) ordered[number] = row
  return ordered
}

/** Whether Postgres took a statement back: bad data, a constraint, or one of two that waited for each other. */
export const isUndone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(22|23|40)\w{3}$/.test(error.code)
