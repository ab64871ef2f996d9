/** Locks the grants of `given` as the table `free`, in one order everywhere; those that others hold are waited for or left out. */
export const lockedGrants = (rows: 'wait' | 'pass over'): string => `free as (
    select id from "grant" where id in (select id from given) order by id
    for no key update ${rows === 'wait' ? '' : 'skip locked'})`
