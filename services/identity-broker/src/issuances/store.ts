import type { RunPrepared } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../database.ts'
import { fewItems } from '../together/items-store.ts'

export type IssuanceStore = ReturnType<typeof issuanceStore>

/** What came of one request for a token, or of several that are alike. Times in RFC 3339. */
export type NewIssuance = {
  id: string
  tenant_id: string
  user_id: string
  actor_kind: 'user' | 'app' | 'installation'
  actor_id: string
  grant_id: string | null
  audience: string
  mode: string
  /** `issued`, or the code it was refused with. */
  outcome: string
  jti: string | null
  token_hash: string | null
  generation: number | null
  expires_at: string | null
  times: number
}

export type IssuanceFilter = {
  user_id?: string
  grant_id?: string
  actor_id?: string
  audience?: string
  outcome?: string
  since?: string
  until?: string
}

const forgetMax = 5_000

export const issuanceStore = (db: Kysely<Database>, run: RunPrepared) => ({
  /**
   * Writes down what was issued and what was refused; what is there already is counted. Rows of users who are gone
   * meanwhile are left out. In one order everywhere, so that replicas wait for each other and never in a circle.
   */
  insert: async (rows: readonly NewIssuance[]): Promise<void> => {
    const numbered = rows.map((row, number) => ({ ...row, number }))
    await run(rows.every(isIssued) ? insertIssued : insertAll, [JSON.stringify(numbered)])
  },

  /** A page, the newest first, with the names of those who asked; `cursor` is the last id of the page before. */
  page: (tenant_id: string, { limit, cursor, ...filter }: IssuanceFilter & { limit: number; cursor?: string }) => {
    const { since, until, ...same } = filter
    let query = db
      .selectFrom('issuance')
      .leftJoin('app', 'app.id', 'issuance.actor_id')
      .leftJoin('installation', 'installation.id', 'issuance.actor_id')
      .selectAll('issuance')
      .select((eb) => eb.fn.coalesce('app.name', 'installation.name').as('actor_name'))
      .where('issuance.tenant_id', '=', tenant_id)
    for (const column of ['user_id', 'grant_id', 'actor_id', 'audience', 'outcome'] as const) {
      const wanted = same[column]
      if (wanted !== undefined) query = query.where(`issuance.${column}`, '=', wanted)
    }
    if (since !== undefined) query = query.where('last_at', '>=', sql<Date>`${since}::timestamptz`)
    if (until !== undefined) query = query.where('last_at', '<', sql<Date>`${until}::timestamptz`)
    if (cursor !== undefined) query = query.where('issuance.id', '<', cursor)
    return query.orderBy('issuance.id', 'desc').limit(limit).execute()
  },

  /** Deletes some of what is older than `days`; whether there is more. One replica at a time does it. */
  forget: (days: number): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      const { rows } = await sql<{ mine: boolean }>`
        select pg_try_advisory_xact_lock(hashtext('identity-broker issuance')) as mine`.execute(transaction)
      if (!rows[0]?.mine) return false
      const { numDeletedRows } = await transaction
        .deleteFrom('issuance')
        .where('id', 'in', (from) =>
          from
            .selectFrom('issuance')
            .select('id')
            .where('last_at', '<', sql<Date>`now() - ${`${days} days`}::interval`)
            .limit(forgetMax)
        )
        .executeTakeFirst()
      return numDeletedRows >= BigInt(forgetMax)
    })
})

const isIssued = ({ outcome }: NewIssuance) => outcome === 'issued'

const columns = `id, tenant_id, user_id, actor_kind, actor_id, grant_id, audience, mode, outcome, jti, token_hash,
  generation, expires_at, times`

const counted = 'do update set times = issuance.times + excluded.times, last_at = now()'

const given = `given as (
  select * from json_to_recordset($1::json) as item (
    number integer, id uuid, tenant_id uuid, user_id uuid, actor_kind text, actor_id uuid, grant_id uuid, audience text,
    mode text, outcome text, jti text, token_hash text, generation integer, expires_at timestamptz, times integer)
  where ${fewItems}
    and exists (select 1 from "user" where "user".id = item.user_id and "user".tenant_id = item.tenant_id))`

const issued = `
  insert into issuance (${columns})
  select ${columns} from given where outcome = 'issued' order by token_hash, actor_id
  on conflict (token_hash, actor_kind, actor_id) where token_hash is not null ${counted}`

const refused = `
  insert into issuance (${columns})
  select ${columns} from given where outcome <> 'issued' order by user_id, actor_id, audience, mode, outcome
  on conflict
    (user_id, actor_kind, actor_id, md5(audience), mode, outcome, date_trunc('hour', created_at at time zone 'UTC'))
    where outcome <> 'issued' ${counted}`

const insertIssued = { name: 'issuances', text: `with ${given} ${issued}` }
const insertAll = { name: 'issuances and refusals', text: `with ${given}, issued as (${issued}) ${refused}` }
