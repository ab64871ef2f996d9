import { type Kysely, sql } from 'kysely'

// A record is written for every token, and read when somebody asks. The statement that writes it sees that the user is one
// of the tenant; a foreign key looks for the tenant once more, which is a quarter of the work. Records still go with their
// tenant: one that is written in that very moment belongs to nobody who could read it, and is forgotten with its age.
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table issuance drop constraint issuance_tenant_id_fkey`.execute(db)
  await sql`
    create function forget_issuances() returns trigger language plpgsql set search_path from current as $$
    begin
      delete from issuance using gone where issuance.tenant_id = gone.id;
      return null;
    end $$`.execute(db)
  await sql`
    create trigger tenant_issuances after delete on tenant
      referencing old table as gone for each statement execute function forget_issuances()`.execute(db)
  // A token for one call comes from no grant.
  await sql`create index issuance_grant_now on issuance (grant_id, id desc) where grant_id is not null`.execute(db)
  await sql`drop index issuance_grant`.execute(db)
  await sql`alter index issuance_grant_now rename to issuance_grant`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`drop index issuance_grant`.execute(db)
  await sql`create index issuance_grant on issuance (grant_id, id desc)`.execute(db)
  await sql`drop trigger tenant_issuances on tenant`.execute(db)
  await sql`drop function forget_issuances`.execute(db)
  // One may have been written while its tenant was deleted.
  await sql`delete from issuance where tenant_id not in (select id from tenant)`.execute(db)
  await sql`
    alter table issuance
      add constraint issuance_tenant_id_fkey foreign key (tenant_id) references tenant on delete cascade`.execute(db)
}
