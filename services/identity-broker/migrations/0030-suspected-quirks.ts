import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table suspected_quirk (
      connection_id uuid not null references connection on delete cascade,
      quirk text not null,
      since timestamptz not null default now(),
      last_seen_at timestamptz not null default now(),
      primary key (connection_id, quirk)
    )`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`drop table suspected_quirk`.execute(db)
}
