import { type RawBuilder, sql } from 'kysely'

/** Locks the grants of `given` as the table `free`, in one order everywhere; those that others hold are waited for or left out. */
export const lockedGrants = (rows: 'wait' | 'pass over'): RawBuilder<unknown> => sql`free as (
  select id from "grant" where id in (select id from given) order by id
  for no key update ${sql.raw(rows === 'wait' ? '' : 'skip locked')})`
