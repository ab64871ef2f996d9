import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table connection
      add saml jsonb,
      drop constraint connection_kind_check,
      add constraint connection_kind_check check (kind in ('oidc', 'oauth2', 'saml')),
      add constraint connection_saml_check check ((kind = 'saml') = (saml is not null))`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`delete from connection where kind = 'saml'`.execute(db)
  await sql`
    alter table connection
      drop constraint connection_saml_check,
      drop column saml,
      drop constraint connection_kind_check,
      add constraint connection_kind_check check (kind in ('oidc', 'oauth2'))`.execute(db)
}
