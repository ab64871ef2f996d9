import { type Kysely, sql } from 'kysely'

/** Sessions that renew, and that end with the IdP's. Who is signed in when this runs signs in once more. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`delete from session`.execute(db)
  await sql`
    alter table session
      add column connection_id uuid not null references connection on delete cascade,
      add column is_member boolean not null,
      add column csrf text not null,
      add column idle_until timestamptz not null,
      add column renewed_at timestamptz not null default now(),
      add column idp_session text,
      add column id_token bytea,
      add column user_agent text not null,
      add column created_ip text not null`.execute(db)
  await sql`create index session_by_idp_session on session (connection_id, idp_session)`.execute(db)
  await sql`
    create table session_renewal (
      hash text primary key,
      session_id uuid not null references session on delete cascade,
      seed text,
      replaced_at timestamptz
    )`.execute(db)
  await sql`create index session_renewal_by_session on session_renewal (session_id)`.execute(db)
  await sql`
    alter table "grant"
      add column is_offline boolean not null default true,
      add column idp_session text`.execute(db)
  await sql`
    update "grant" set is_offline = 'offline_access' = any (string_to_array(connection.scopes, ' '))
    from connection where connection.id = "grant".connection_id`.execute(db)
  await sql`alter table "grant" alter column is_offline drop default`.execute(db)
  await sql`
    create table logout_token (
      connection_id uuid not null references connection on delete cascade,
      jti_hash text not null,
      expires_at timestamptz not null,
      primary key (connection_id, jti_hash)
    )`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema.dropTable('logout_token').execute()
  await sql`alter table "grant" drop column is_offline, drop column idp_session`.execute(db)
  await db.schema.dropTable('session_renewal').execute()
  await sql`drop index session_by_idp_session`.execute(db)
  await sql`
    alter table session
      drop column connection_id,
      drop column is_member,
      drop column csrf,
      drop column idle_until,
      drop column renewed_at,
      drop column idp_session,
      drop column id_token,
      drop column user_agent,
      drop column created_ip`.execute(db)
}
