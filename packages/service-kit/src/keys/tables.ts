import type { PublicKey } from '@onbehalf/rpc'
import { type ColumnType, type Generated, type Kysely, sql } from 'kysely'

/**
 * The two tables of every service that keeps secrets or signs. They belong to the vault and to ticket signing, not to
 * a service's own domain, which is why they are shaped here once; each service has its own rows under its own role.
 */
export type KeyTables = {
  data_key: { tenant_id: string; id: number; wrapped: Buffer; master_key_id: string; created_at: Generated<Date> }
  signing_key: {
    /** The `kid`. */
    id: string
    purpose: string
    /** `instance` for keys that are not a tenant's own. */
    tenant_id: Generated<string>
    public_jwk: ColumnType<PublicKey, string, string>
    private_jwk: Buffer
    /** When it begins to sign; until then it is only shown. */
    active_from: Generated<Date>
    created_at: Generated<Date>
  }
}

/** The table of services that keep secrets of the installation, such as what their records are linked with. */
export type InstanceSecretTable = { instance_secret: { name: string; sealed: Buffer } }

/** For a migration: creates both tables. */
export const createKeyTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table data_key (
      tenant_id text not null,
      id integer not null,
      wrapped bytea not null,
      master_key_id text not null,
      created_at timestamptz not null default now(),
      primary key (tenant_id, id)
    )`.execute(db)
  await sql`
    create table signing_key (
      id text primary key,
      purpose text not null,
      public_jwk jsonb not null,
      private_jwk bytea not null,
      created_at timestamptz not null default now()
    )`.execute(db)
  await sql`create index signing_key_purpose on signing_key (purpose, created_at desc)`.execute(db)
}

/** For a migration: takes both tables back. */
export const dropKeyTables = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema.dropTable('signing_key').execute()
  await db.schema.dropTable('data_key').execute()
}

/** For a migration: keys of a tenant's own, and a time from which a key signs, so that it can be shown before. */
export const addKeyRotation = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table signing_key
    add column tenant_id text not null default 'instance',
    add column active_from timestamptz not null default now()`.execute(db)
  await sql`update signing_key set active_from = created_at`.execute(db)
  await sql`drop index signing_key_purpose`.execute(db)
  await sql`create index signing_key_purpose on signing_key (purpose, tenant_id, active_from)`.execute(db)
}

/** For a migration: takes that back. Tenants' own keys and those that do not sign yet go with it: before it, the newest key signed at once. */
export const dropKeyRotation = async (db: Kysely<unknown>): Promise<void> => {
  await sql`delete from signing_key where tenant_id <> 'instance' or active_from > now()`.execute(db)
  await sql`drop index signing_key_purpose`.execute(db)
  await sql`alter table signing_key drop column tenant_id, drop column active_from`.execute(db)
  await sql`create index signing_key_purpose on signing_key (purpose, created_at desc)`.execute(db)
}
