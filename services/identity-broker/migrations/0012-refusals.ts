import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table refusal (
      grant_id uuid not null references "grant" on delete cascade,
      audience text not null,
      mode text not null,
      scopes text not null,
      code text not null,
      message text not null,
      connection_revision integer not null,
      epoch integer not null,
      created_at timestamptz not null default now(),
      primary key (grant_id, audience, mode, scopes)
    )`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema.dropTable('refusal').execute()
}
