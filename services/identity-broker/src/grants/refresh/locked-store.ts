/**
 * The grants of `given` that may be written, as the table `free`: locked in one order everywhere, without those that others
 * hold. Where one is waited for, it is the only one of its statement, and the write itself waits for it.
 */
export const lockedGrants = (rows: 'wait' | 'pass over'): string =>
  rows === 'wait'
    ? 'free as (select id from given)'
    : `free as (
    select id from "grant" where id in (select id from given) order by id for no key update skip locked)`
