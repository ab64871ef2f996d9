import type { Claim } from '@onbehalf/lease'
import type { RunPrepared } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../../database.ts'
import { isUndone, itemStatement } from '../../together/items-store.ts'
import { together } from '../../together/together.ts'
import { lockedGrants } from './locked-store.ts'
import type { PresentedGrant, Want } from './minted-token.ts'
import { skewSeconds } from './token-store.ts'

/** What is presented; the refresh token is sealed. */
type Taken = PresentedGrant & { refresh_token: Buffer }

const columns = `id uuid, owner uuid, generation integer, attempt integer, "leaseMs" float8,
  audience text, mode text, scopes text`
const isOver = (time: string) => `coalesce(${time} <= now(), true)`

const text = (rows: 'wait' | 'pass over') => `,
  ${lockedGrants(rows)},
  taken as (
    update "grant" set
      lease_owner = free.owner, lease_until = now() + ceil("leaseMs") * interval '1 millisecond',
      sent_at = now(), attempt = free.attempt
    from free
    where "grant".id = free.id and "grant".generation = free.generation
      and "grant".attempt = free.attempt - 1 and dead_reason is null
      and ${isOver('lease_until')} and ${isOver('backoff_until')}
      and not coalesce((
        select kept.expires_at > now() + interval '${skewSeconds} seconds' from minted_token as kept
        where kept.grant_id = free.id and kept.audience = free.audience and kept.mode = free.mode
          and kept.scopes = free.scopes), false)
    returning number, "grant".*
  )
  select
    number, taken.id, taken.tenant_id, user_id, connection_id, taken.issuer, taken.token_endpoint, taken.client_id,
    taken.generation, epoch, refresh_token,
    (select subject from "user" where "user".id = user_id) as subject,
    (select revision from connection where connection.id = connection_id) as connection_revision
  from free left join taken using (number)`

/** The grant, if the claim could be made, else null: compared and written in one statement. */
const takeStore = (run: RunPrepared) =>
  together(
    itemStatement<Claim & { leaseMs: number } & Partial<Want>, Taken, Taken | { id: null }>(run, {
      name: 'lease',
      columns,
      text,
      // Columns cost Postgres less than JSON made of them.
      rowOf: (found) => (found.id === null ? null : found),
      locks: true
    }),
    {
      isUndone,
      keyOf: ({ id }) => id
    }
  )

/** Who refreshes a grant: the columns of `grant` that say so, in the database's time. */
export const leaseStore = (db: Kysely<Database>, run: RunPrepared) => ({
  take: takeStore(run),

  release: async (
    { id, owner, generation, attempt }: Claim,
    { isCounted, backoffMs }: { isCounted: boolean; backoffMs: number }
  ): Promise<void> => {
    await db
      .updateTable('grant')
      .set({
        ...{ lease_owner: null, lease_until: null, sent_at: null },
        attempt: isCounted ? attempt : attempt - 1,
        backoff_until: backoffMs > 0 ? sql<Date>`now() + ${`${Math.ceil(backoffMs)} milliseconds`}::interval` : null
      })
      .where('id', '=', id)
      .where('generation', '=', generation)
      .where('attempt', '=', attempt)
      .where('lease_owner', '=', owner)
      .execute()
  },

  tenantOf: async (id: string): Promise<string | undefined> =>
    (await db.selectFrom('grant').select('tenant_id').where('id', '=', id).executeTakeFirst())?.tenant_id,

  isAlive: async (id: string): Promise<boolean> => {
    const alive = db.selectFrom('grant').select('id').where('id', '=', id).where('dead_reason', 'is', null)
    return (await alive.executeTakeFirst()) !== undefined
  }
})
