/**
 * What of `given` may be written, as the table `free`: its grants are locked in one order everywhere, without those that
 * others hold. Where one is waited for, it is the only one of its statement, and the write itself waits for it.
 */
export const lockedGrants = (rows: 'wait' | 'pass over'): string =>
  rows === 'wait'
    ? 'free as (select * from given)'
    : `free as (
    select given.* from given join "grant" using (id) order by id for no key update of "grant" skip locked)`
