import { type Kysely, sql } from 'kysely'

/** Records of calls are only added, and say which tool it was: a name is given to another tool before long. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  // It may be null, so that a replica which does not know it yet can go on writing.
  await sql`alter table call add column tool_hash text`.execute(db)
  await sql`
    create function only_added() returns trigger language plpgsql as $$
    begin
      raise exception 'records are only added to %', tg_table_name using errcode = 'insufficient_privilege';
    end $$`.execute(db)
  for (const table of ['call', 'call_checkpoint'])
    await sql`create trigger only_added before update or delete on ${sql.table(table)}
      for each row execute function only_added()`.execute(db)
  // That one is for each table alone.
  for (const table of await tables(db))
    await sql`create trigger not_emptied before truncate on ${sql.table(table)} execute function only_added()`.execute(
      db
    )
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`drop function only_added cascade`.execute(db)
  await sql`alter table call drop column tool_hash`.execute(db)
}

const tables = async (db: Kysely<unknown>): Promise<string[]> => {
  const { rows } = await sql<{ name: string }>`
    select relid::regclass::text as name from pg_partition_tree('call')`.execute(db)
  return ['call_checkpoint', ...rows.map(({ name }) => name)]
}
