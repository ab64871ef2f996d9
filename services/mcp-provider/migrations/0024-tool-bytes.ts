import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // Made here and not by the service: replicas from before this one run on while they are replaced.
  await sql`
    alter table tool add column bytes integer not null
      generated always as (octet_length(definition::text)) stored`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table tool drop column bytes`.execute(db)
}
