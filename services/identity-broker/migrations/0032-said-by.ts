import { type Kysely, sql } from 'kysely'

// Who let an app act for others: owners and admins are acted for only while an owner says so. What was said before is on
// record; where it is not, nobody said it. No reference to a user: the row outlives them, and says no more then.
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table api_key
      add column set_by_kind text check (set_by_kind in ('user', 'system')),
      add column set_by_id uuid,
      add check ((set_by_id is not null) = (set_by_kind is not distinct from 'user'))`.execute(db)
  await sql`
    update api_key set set_by_kind = said.actor_kind, set_by_id = said.actor_id
    from (
      select distinct on (tenant_id, subject_id) tenant_id, subject_id, actor_kind, actor_id from audit_event
      where action = 'api_key.created'
        or (action = 'api_key.updated' and details -> 'fields' ?| array['act_for', 'listed'])
      order by tenant_id, subject_id, id desc
    ) said
    where said.tenant_id = api_key.tenant_id and said.subject_id = api_key.id
      and said.actor_kind in ('user', 'system')`.execute(db)
  await sql`create index api_key_set_by on api_key (set_by_id)`.execute(db)
  await sql`alter table link add column allowed_by uuid`.execute(db)
  await sql`
    update link set allowed_by = case said.action when 'link.created' then link.user_id else said.actor_id end
    from (
      select distinct on (tenant_id, subject_id) tenant_id, subject_id, action, actor_id from audit_event
      where action in ('link.created', 'link.imported')
      order by tenant_id, subject_id, id desc
    ) said
    where said.tenant_id = link.tenant_id and said.subject_id = link.id`.execute(db)
  await sql`create index link_allowed_by on link (allowed_by) where allowed_by <> user_id`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`drop index link_allowed_by`.execute(db)
  await sql`alter table link drop column allowed_by`.execute(db)
  await sql`drop index api_key_set_by`.execute(db)
  await sql`alter table api_key drop column set_by_kind, drop column set_by_id`.execute(db)
}
