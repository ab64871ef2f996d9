import { randomBytes } from 'node:crypto'
import { openPostgres, openVault } from '@onbehalf/service-kit'
import { withClient } from '@onbehalf/testkit'
import type { Config } from '../../../services/identity-broker/src/config.ts'
import type { Database } from '../../../services/identity-broker/src/database.ts'
import { refreshTokenPlace } from '../../../services/identity-broker/src/grants/place.ts'

type Where = { tenant_id: string; connection_id: string; issuer: string; resources: readonly string[] }
type Given = Where & { adminUrl: string; total: number; usable: number }

// The refresh tokens have the size of sealed ones and cannot be compressed either.
const insertPeople = `
  with person as (
    insert into identity_broker."user" (id, tenant_id, connection_id, subject, signed_in_at)
    select id, $1, $2, 'person-' || id, now() from (select uuidv7() as id from generate_series(1, $5::integer)) as made
    returning id, sha256(id::text::bytea) as noise
  )
  insert into identity_broker."grant"
    (id, tenant_id, user_id, connection_id, resources, issuer, token_endpoint, client_id, refresh_token, is_offline)
  select uuidv7(), $1, id, $2, $3, $4, $4 || '/token', 'onbehalf', noise || sha256(noise) || noise || sha256(noise), true
  from person`

// From all over the table, not from one page of it.
const chosen = `
  select id, user_id from (
    select id, user_id, row_number() over (order by id) as number, count(*) over () as total
    from identity_broker."grant" where connection_id = $1
  ) as numbered
  where number % greatest(1, total / $2) = 0 limit $2`

const setTokens = `
  update identity_broker."grant" as stored set refresh_token = given.token, generation = 1, attempt = 0
  from unnest($1::uuid[], $2::bytea[]) as given (id, token) where stored.id = given.id`

const batchMax = 100_000

/**
 * Stores people with a grant each until there are `total`, and answers with the ids of `usable` of them: their refresh
 * tokens are sealed as the broker does it, those of the others only look like it.
 */
export const seedGrants = async (
  config: Pick<Config, 'DATABASE_URL' | 'MASTER_KEYS'>,
  { adminUrl, total, usable, ...where }: Given
): Promise<string[]> => {
  const { db, close } = await openPostgres<Database>(config.DATABASE_URL)
  const vault = await openVault(db, config.MASTER_KEYS)
  const { tenant_id, connection_id, issuer, resources } = where
  const seal = ({ id, user_id }: { id: string; user_id: string }): Promise<Buffer> => {
    const refreshToken = `person-${user_id}.${randomBytes(32).toString('base64url')}`
    return vault.seal(refreshToken, refreshTokenPlace({ id, tenant_id, user_id, connection_id, generation: 1 }))
  }
  try {
    return await withClient(adminUrl, async (client) => {
      // Without the checks of what it refers to: a million takes a minute less.
      await client.query('set session_replication_role = replica')
      const { rows: counted } = await client.query('select count(*)::integer as stored from identity_broker."grant"')
      for (let stored: number = counted[0].stored; stored < total; stored += batchMax)
        await client.query(insertPeople, [
          tenant_id,
          connection_id,
          resources,
          issuer,
          Math.min(batchMax, total - stored)
        ])
      const { rows } = await client.query(chosen, [connection_id, usable])
      const sealed = await Promise.all(rows.map(seal))
      await client.query(setTokens, [rows.map(({ id }) => id), sealed])
      await client.query('vacuum analyze identity_broker."user", identity_broker."grant"')
      return rows.map(({ user_id }) => user_id)
    })
  } finally {
    await close()
  }
}
