import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table provider
      add column auth_scope text not null default 'tenant',
      add column tool_changes text not null default 'accept',
      add column external boolean not null default false,
      add column resource bytea,
      add column tools_left_out json not null default '[]'`.execute(db)
  // What is searched is text of its own: Postgres cannot read every string that JSON allows.
  await sql`
    alter table tool
      add column words text not null default '',
      add column is_approved boolean not null default true,
      add column approved_definition json`.execute(db)
  await sql`update tool set words = lower(name)`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table tool drop column words, drop column is_approved, drop column approved_definition`.execute(db)
  await sql`
    alter table provider drop column auth_scope, drop column tool_changes, drop column external,
      drop column resource, drop column tools_left_out`.execute(db)
}
