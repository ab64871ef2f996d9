import type { Prepared, RunPrepared } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../database.ts'
import { fewOf } from '../together/items-store.ts'

export type IssuanceStore = ReturnType<typeof issuanceStore>

/**
 * What came of one request for a token, or of several that are alike. Times in seconds since the epoch. Only what is good
 * for several calls is found again, by its hash.
 */
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
  expires_at: number | null
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
    await run(
      statementFor(rows),
      columns.map((column) => rows.map((row) => row[column]))
    )
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

const types = {
  ...{ id: 'uuid', tenant_id: 'uuid', user_id: 'uuid', actor_kind: 'text', actor_id: 'uuid', grant_id: 'uuid' },
  ...{ audience: 'text', mode: 'text', outcome: 'text', jti: 'text', token_hash: 'text', generation: 'integer' },
  ...{ expires_at: 'float8', times: 'integer' }
} satisfies Record<keyof NewIssuance, string>

const columns = Object.keys(types).filter((name): name is keyof NewIssuance => name in types)

const listed = columns.join(', ')
const selected = listed.replace('expires_at', 'to_timestamp(expires_at)')

/** What becomes of a row that is there. */
export const countedAgain = 'do update set times = issuance.times + excluded.times, last_at = now()'

// An array for each column: Postgres reads them faster than JSON.
const given = `given as (
  select * from unnest(${columns.map((name, index) => `$${index + 1}::${types[name]}[]`).join(', ')}) as item (${listed})
  where ${fewOf('times')}
    and exists (select 1 from "user" where "user".id = item.user_id and "user".tenant_id = item.tenant_id))`

// Written again where nobody knows whether it was: what is there stays as it is.
const once = `
  insert into issuance (${listed})
  select ${selected} from given where outcome = 'issued' and token_hash is null on conflict (id) do nothing`

const issued = `
  insert into issuance (${listed})
  select ${selected} from given where outcome = 'issued' and token_hash is not null order by token_hash, actor_id
  on conflict (token_hash, actor_kind, actor_id) where token_hash is not null ${countedAgain}`

const refused = `
  insert into issuance (${listed})
  select ${selected} from given where outcome <> 'issued' order by user_id, actor_id, audience, mode, outcome
  on conflict
    (user_id, actor_kind, actor_id, md5(audience), mode, outcome, date_trunc('hour', created_at at time zone 'UTC'))
    where outcome <> 'issued' ${countedAgain}`

const insertIssued = { name: 'issuances', text: `with ${given} ${issued}` }
const insertOnce = { name: 'issuances for one call', text: `with ${given} ${once}` }
const insertAll = {
  name: 'issuances and refusals',
  text: `with ${given}, once as (${once}), issued as (${issued}) ${refused}`
}

const statementFor = (rows: readonly NewIssuance[]): Prepared => {
  if (rows.some(({ outcome }) => outcome !== 'issued')) return insertAll
  if (rows.every(({ token_hash }) => token_hash !== null)) return insertIssued
  return rows.every(({ token_hash }) => token_hash === null) ? insertOnce : insertAll
}
