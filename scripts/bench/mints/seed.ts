import { randomBytes } from 'node:crypto'
import { newId, openPostgres, openVault } from '@onbehalf/service-kit'
import { withClient } from '@onbehalf/testkit'
import type { Config } from '../../../services/identity-broker/src/config.ts'
import type { Database } from '../../../services/identity-broker/src/database.ts'
import { refreshTokenPlace } from '../../../services/identity-broker/src/grants/place.ts'

type Where = { tenant_id: string; connection_id: string; issuer: string; audience: string }

const insertUsers = `
  insert into identity_broker."user" (id, tenant_id, connection_id, subject, signed_in_at)
  select id, $2, $3, 'person-' || id, now() from unnest($1::uuid[]) as id`
const insertGrants = `
  insert into identity_broker."grant"
    (id, tenant_id, user_id, connection_id, resources, issuer, token_endpoint, client_id, refresh_token, is_offline)
  select g, $3, u, $4, $5, $6, $6 || '/token', 'onbehalf', token, true from unnest($1::uuid[], $2::uuid[], $7::bytea[]) as x(g, u, token)`

const batchSize = 20_000

/**
 * Stores a grant each for `total` more people of one connection, and answers with the ids of the first `usable`, whose
 * refresh tokens are sealed as the broker does it; the rest only has their size.
 */
export const seedGrants = async (
  config: Pick<Config, 'DATABASE_URL' | 'MASTER_KEYS'>,
  { adminUrl, total, usable, ...where }: Where & { adminUrl: string; total: number; usable: number }
): Promise<string[]> => {
  const { db, close } = await openPostgres<Database>(config.DATABASE_URL)
  const vault = await openVault(db, config.MASTER_KEYS)
  const { tenant_id, connection_id, issuer, audience } = where
  const seal = async (id: string, user_id: string): Promise<Buffer> => {
    const refreshToken = `person-${user_id}.${randomBytes(32).toString('base64url')}`
    return vault.seal(refreshToken, refreshTokenPlace({ id, tenant_id, user_id, connection_id, generation: 1 }))
  }
  const people: string[] = []
  try {
    await withClient(adminUrl, async (client) => {
      for (let done = 0; done < total; done += batchSize) {
        const count = Math.min(batchSize, total - done)
        const users = Array.from({ length: count }, () => newId())
        const grants = users.map(() => newId())
        const isSealed = (index: number) => done + index < usable
        const sealed = await Promise.all(
          users.map((user, index) => (isSealed(index) ? seal(grants[index] ?? '', user) : randomBytes(120)))
        )
        await client.query(insertUsers, [users, tenant_id, connection_id])
        await client.query(insertGrants, [grants, users, tenant_id, connection_id, [audience], issuer, sealed])
        if (people.length < usable) people.push(...users.slice(0, usable - people.length))
      }
      await client.query('vacuum analyze identity_broker."user", identity_broker."grant"')
    })
    return people
  } finally {
    await close()
  }
}
