import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table device_setting (
      tenant_id uuid primary key,
      token_days integer check (token_days between 1 and 365)
    )`.execute(db)
  await sql`
    create index device_token_tenant on device_token (tenant_id, id desc) where revoked_at is null`.execute(db)
  // What is to be ended, and what is to be forgotten.
  await sql`create index device_token_due on device_token (expires_at) where revoked_at is null`.execute(db)
  await sql`create index device_token_ended on device_token (revoked_at) where revoked_at is not null`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  for (const index of ['device_token_tenant', 'device_token_due', 'device_token_ended'])
    await db.schema.dropIndex(index).execute()
  await db.schema.dropTable('device_setting').execute()
}
