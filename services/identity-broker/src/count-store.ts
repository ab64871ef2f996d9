import { sql } from 'kysely'
import type { Writing } from './database.ts'

/** How many of them the tenant has; nobody else counts them until the transaction ends. */
export const countAlone = async (
  transaction: Writing,
  table: 'connection' | 'audience_pattern',
  tenant_id: string
): Promise<number> => {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`${table} ${tenant_id}`}, 0))`.execute(transaction)
  const { count } = await transaction
    .selectFrom(table)
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .where('tenant_id', '=', tenant_id)
    .executeTakeFirstOrThrow()
  return Number(count)
}
