import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // All of them may be null, so that a replica which does not know them yet can go on writing.
  await sql`
    alter table call
      add column kind text,
      add column call_id uuid,
      add column writer uuid,
      add column sequence bigint,
      add column mac text`.execute(db)
  await sql`create index call_of_chain on call (tenant_id, writer, sequence)`.execute(db)
  await sql`
    create table call_checkpoint (
      id uuid primary key,
      statement text not null,
      created_at timestamptz not null default now()
    )`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`drop table call_checkpoint`.execute(db)
  await sql`drop index call_of_chain`.execute(db)
  await sql`delete from call where kind = 'intent'`.execute(db)
  await sql`
    alter table call
      drop column mac, drop column sequence, drop column writer, drop column call_id, drop column kind`.execute(db)
}
