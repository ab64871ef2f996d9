import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table provider
      add column tools_listing text check (tools_listing in ('running', 'changed')),
      add column tools_watcher uuid,
      add column tools_watch_at timestamptz not null default now(),
      add column tools_watch_failures integer not null default 0`.execute(db)
  await sql`
    create index provider_tools_watch on provider (tools_watch_at)
      where tools_status = 'fresh' and not (forward_user_identity and identity_mode <> 'off')`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`drop index provider_tools_watch`.execute(db)
  await sql`
    alter table provider
      drop column tools_listing, drop column tools_watcher, drop column tools_watch_at,
      drop column tools_watch_failures`.execute(db)
}
