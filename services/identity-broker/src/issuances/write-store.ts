import type { Prepared, RunPrepared } from '@onbehalf/service-kit'
import { fewOf } from '../together/items-store.ts'
import { arrayText } from './array-text.ts'

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

/** Further uses of a kept token that is on record for whoever asks. */
export type Use = { token_hash: string; times: number } & Pick<NewIssuance, 'actor_kind' | 'actor_id'>

export const issuanceWrites = (run: RunPrepared) => ({
  /**
   * Writes down what was issued and what was refused; what is there already is counted. Rows of users who are gone
   * meanwhile are left out. In one order everywhere, so that replicas wait for each other and never in a circle.
   */
  insert: async (rows: readonly NewIssuance[]): Promise<void> => {
    await run(
      statementFor(rows),
      columns.map((column) => arrayText(rows.map((row) => row[column])))
    )
  },

  /** Counts uses in rows that are there; in the same order. */
  count: async (uses: readonly Use[]): Promise<void> => {
    await run(
      countUses,
      useColumns.map((column) => arrayText(uses.map((use) => use[column])))
    )
  }
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
const itemsOf = (names: readonly (keyof NewIssuance)[]): string =>
  `unnest(${names.map((name, index) => `$${index + 1}::${types[name]}[]`).join(', ')}) as item (${names.join(', ')})`

const given = `given as (
  select * from ${itemsOf(columns)}
  where ${fewOf('times')}
    and exists (select 1 from "user" where "user".id = item.user_id and "user".tenant_id = item.tenant_id))`

// Written again where nobody knows whether it was: what is there stays as it is.
const once = `
  insert into issuance (${listed})
  select ${selected} from given where outcome = 'issued' and token_hash is null on conflict (id) do nothing`

const issued = `
  insert into issuance (${listed})
  select ${selected} from given where outcome = 'issued' and token_hash is not null order by token_hash, actor_kind, actor_id
  on conflict (token_hash, actor_kind, actor_id) where token_hash is not null ${countedAgain}`

const refused = `
  insert into issuance (${listed})
  select ${selected} from given where outcome <> 'issued' order by user_id, actor_id, audience, mode, outcome
  on conflict
    (user_id, actor_kind, actor_id, md5(audience), mode, outcome, date_trunc('hour', created_at at time zone 'UTC'))
    where outcome <> 'issued' ${countedAgain}`

const useColumns = ['token_hash', 'actor_kind', 'actor_id', 'times'] as const

const countUses = {
  name: 'uses of tokens',
  text: `
    with given as (select * from ${itemsOf(useColumns)} where ${fewOf('times')}),
    found as (
      select id, given.times from issuance join given using (token_hash, actor_kind, actor_id)
      where token_hash is not null order by token_hash, actor_kind, actor_id for no key update of issuance)
    update issuance set times = issuance.times + found.times, last_at = now() from found where issuance.id = found.id`
}

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
