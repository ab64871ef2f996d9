import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table call (
      id uuid not null,
      tenant_id uuid not null,
      user_id uuid,
      app_id uuid,
      credential_kind text not null,
      credential_id uuid not null,
      provider_id uuid,
      server_identifier text not null,
      tool text not null,
      arguments_digest text not null,
      mode text,
      audience text,
      token_jti text,
      outcome text not null,
      upstream_status integer,
      started_at timestamptz not null,
      finished_at timestamptz not null,
      primary key (started_at, id)
    ) partition by range (started_at)`.execute(db)
  await sql`create index call_of_tenant on call (tenant_id, started_at desc, id desc)`.execute(db)
  await sql`create index call_of_user on call (tenant_id, user_id, started_at desc, id desc)`.execute(db)
  // Nothing is lost while a month has no partition; the service makes the later ones.
  await sql`create table call_default partition of call default`.execute(db)
  const now = new Date()
  for (const later of [0, 1]) await createPartition(db, monthStart(now, later), monthStart(now, later + 1))
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`drop table call`.execute(db)
}

const monthStart = (now: Date, later: number): string =>
  new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + later)).toISOString()

const createPartition = async (db: Kysely<unknown>, from: string, until: string): Promise<void> => {
  const table = sql.table(`call_${from.slice(0, 7).replace('-', '_')}`)
  await sql`create table ${table} partition of call for values from (${sql.lit(from)}) to (${sql.lit(until)})`.execute(
    db
  )
}
