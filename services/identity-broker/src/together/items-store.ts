import type { RunPrepared } from '@onbehalf/service-kit'
import { held, type Statement } from './together.ts'

type Rows = 'wait' | 'pass over'

type Definition<Found, Row> = {
  name: string
  /** Of an item, as a table definition has them; statements see them as the table `given`, with a `number` from 0 on. */
  columns: string
  /**
   * What follows `with given as (…),`: selects `number` and what is found of that item. Given `rows`, it locks what it
   * writes, and says nothing of an item whose row others hold where it may pass over those.
   */
  text: (rows: Rows) => string
  /** What it says of an item by what it found; null for nothing. */
  rowOf: (found: Found) => Row | null
  locks?: boolean
}

type Numbered = { number: number }

/** For what is found in one column, `row`. */
export const rowColumn = <Row>({ row }: { row: Row }): Row => row

/** A statement for several items, prepared: what it says of each, and null where it says nothing. */
export const itemStatement = <Item extends object, Row, Found extends object = { row: Row | null }>(
  run: RunPrepared,
  { name, columns, text, rowOf, locks = false }: Definition<Found, Row>
): Statement<Item, Row | null> => {
  const prepare = (rows: Rows) => ({ name: `${name}, ${rows}`, text: `${givenItems(columns)} ${text(rows)}` })
  const statements = { wait: prepare('wait'), 'pass over': prepare('pass over') }
  return async (items, rows) => {
    const numbered = items.map((item, number) => ({ ...item, number }))
    const answered = locks ? rows : 'wait'
    const found = await run<Numbered & Found>(statements[answered], [JSON.stringify(numbered)])
    const ordered: (Row | null | typeof held)[] = items.map(() => (answered === 'wait' ? null : held))
    for (const one of found) ordered[one.number] = rowOf(one)
    return ordered
  }
}

/**
 * A range is what the planner takes to leave one row in a hundred: it looks up what there is to a few items, in a table of any
 * size, and needs no other plan for other items.
 */
export const fewOf = (integer: string): string => `${integer} between 0 and 2147483647`

const givenItems = (columns: string) => `
  with given as (
    select * from json_to_recordset($1::json) as item (number integer, ${columns}) where ${fewOf('number')}
  )`

/** Whether Postgres took a statement back: bad data, a constraint, or one of two that waited for each other. */
export const isUndone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(22|23|40)\w{3}$/.test(error.code)
