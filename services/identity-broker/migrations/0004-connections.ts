import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table connection
      add kind text not null default 'oidc' check (kind in ('oidc', 'oauth2')),
      add authorization_endpoint text,
      add token_endpoint text,
      add userinfo_endpoint text,
      add revocation_endpoint text,
      add claims jsonb,
      add rotating boolean not null default true,
      add quirks text[] not null default '{}',
      drop constraint connection_client_authentication_check,
      add constraint connection_client_authentication_check
        check (client_authentication in ('basic', 'post', 'private_key_jwt', 'none'))`.execute(db)
  await sql`alter table connection rename constraint connection_tenant_id_name_key to connection_name_taken`.execute(db)
  // Until now only the grants knew which token endpoint they came from.
  await sql`
    update connection set token_endpoint = (
      select token_endpoint from "grant" where connection_id = connection.id and dead_reason is null
      order by updated_at desc limit 1
    )`.execute(db)
  // A connection that is deleted takes its users along, and what was done as them stays on record.
  await sql`alter table issuance drop constraint issuance_user_id_fkey`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`delete from issuance where user_id not in (select id from "user")`.execute(db)
  await sql`
    alter table issuance
      add constraint issuance_user_id_fkey foreign key (user_id) references "user" on delete cascade`.execute(db)
  await sql`alter table connection rename constraint connection_name_taken to connection_tenant_id_name_key`.execute(db)
  await sql`delete from connection where kind <> 'oidc' or client_authentication = 'private_key_jwt'`.execute(db)
  await sql`
    alter table connection
      drop constraint connection_client_authentication_check,
      add constraint connection_client_authentication_check check (client_authentication in ('basic', 'post', 'none')),
      drop column kind,
      drop column authorization_endpoint,
      drop column token_endpoint,
      drop column userinfo_endpoint,
      drop column revocation_endpoint,
      drop column claims,
      drop column rotating,
      drop column quirks`.execute(db)
}
