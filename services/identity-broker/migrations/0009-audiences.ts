import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table installation_secret (
      id uuid primary key,
      installation_id uuid not null references installation on delete cascade,
      secret_hash text not null unique,
      created_at timestamptz not null default now(),
      expires_at timestamptz,
      last_used_at timestamptz
    )`.execute(db)
  await sql`create index installation_secret_by_installation on installation_secret (installation_id)`.execute(db)
  await sql`
    create table installation_tenant (
      installation_id uuid not null references installation on delete cascade,
      tenant_id uuid not null references tenant on delete cascade,
      external_id text,
      primary key (installation_id, tenant_id),
      unique (installation_id, external_id)
    )`.execute(db)
  await sql`
    create table audience_pattern (
      id uuid primary key,
      tenant_id uuid not null references tenant on delete cascade,
      pattern text not null,
      created_at timestamptz not null default now(),
      unique (tenant_id, pattern)
    )`.execute(db)
  await sql`
    insert into installation_secret (id, installation_id, secret_hash)
    select gen_random_uuid(), id, secret_hash from installation`.execute(db)
  await sql`
    insert into installation_tenant (installation_id, tenant_id)
    select installation.id, tenant.id from installation join tenant on tenant.id = any(tenant_ids)`.execute(db)
  await sql`
    insert into audience_pattern (id, tenant_id, pattern)
    select gen_random_uuid(), tenant_id, pattern
    from (
      select distinct tenant.id as tenant_id, pattern
      from installation join tenant on tenant.id = any(tenant_ids), unnest(audience_patterns) as pattern
    ) allowed`.execute(db)
  await sql`
    alter table installation drop column secret_hash, drop column tenant_ids, drop column audience_patterns`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table installation
      add column secret_hash text,
      add column tenant_ids uuid[] not null default '{}',
      add column audience_patterns text[] not null default '{}'`.execute(db)
  await sql`
    update installation set
      secret_hash = (select s.secret_hash from installation_secret s where s.installation_id = installation.id
        order by s.created_at desc limit 1),
      tenant_ids = array(select t.tenant_id from installation_tenant t where t.installation_id = installation.id),
      audience_patterns = array(select distinct p.pattern from audience_pattern p
        join installation_tenant t using (tenant_id) where t.installation_id = installation.id)`.execute(db)
  await sql`delete from installation where secret_hash is null`.execute(db)
  await sql`alter table installation alter column secret_hash set not null`.execute(db)
  for (const table of ['audience_pattern', 'installation_tenant', 'installation_secret'])
    await db.schema.dropTable(table).execute()
}
