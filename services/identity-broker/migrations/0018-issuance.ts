import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // Who asked is not known of what was recorded before.
  await sql`
    alter table issuance
      add column actor_kind text not null default 'system' check (actor_kind in ('user', 'app', 'installation', 'system')),
      add column actor_id uuid,
      add column outcome text not null default 'issued',
      add column token_hash text,
      add column times integer not null default 1,
      add column last_at timestamptz,
      alter column generation drop not null,
      alter column expires_at drop not null`.execute(db)
  await sql`update issuance set last_at = created_at`.execute(db)
  await sql`
    alter table issuance
      alter column actor_kind drop default,
      alter column outcome drop default,
      alter column last_at set not null,
      alter column last_at set default now()`.execute(db)
  // A token that is good for more than one call has one row for each who asked for it.
  await sql`
    create unique index issuance_kept on issuance (token_hash, actor_kind, actor_id) where token_hash is not null`.execute(
    db
  )
  // What is refused again and again has one row an hour.
  await sql`
    create unique index issuance_refused on issuance
      (user_id, actor_kind, actor_id, md5(audience), mode, outcome, date_trunc('hour', created_at at time zone 'UTC'))
      where outcome <> 'issued'`.execute(db)
  await sql`drop index issuance_user`.execute(db)
  await sql`create index issuance_user on issuance (user_id, id desc)`.execute(db)
  await sql`create index issuance_tenant on issuance (tenant_id, id desc)`.execute(db)
  await sql`create index issuance_grant on issuance (grant_id, id desc)`.execute(db)
  await sql`create index issuance_age on issuance (last_at)`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`delete from issuance where outcome <> 'issued' or generation is null or expires_at is null`.execute(db)
  for (const index of ['issuance_tenant', 'issuance_grant', 'issuance_age', 'issuance_user', 'issuance_refused'])
    await db.schema.dropIndex(index).execute()
  await sql`drop index issuance_kept`.execute(db)
  await sql`create index issuance_user on issuance (user_id, created_at desc)`.execute(db)
  await sql`
    alter table issuance
      drop column actor_kind, drop column actor_id, drop column outcome,
      drop column token_hash, drop column times, drop column last_at,
      alter column generation set not null, alter column expires_at set not null`.execute(db)
}
