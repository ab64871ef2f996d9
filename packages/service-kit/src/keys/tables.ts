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
    public_jwk: ColumnType<PublicKey, string, string>
    private_jwk: Buffer
    created_at: Generated<Date>
  }
}

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
