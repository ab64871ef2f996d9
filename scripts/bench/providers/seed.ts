import { hashOf, openPostgres, openVault } from '@onbehalf/service-kit'
import { withClient } from '@onbehalf/testkit'
import type { Config } from '../../../services/mcp-provider/src/config.ts'
import type { Database } from '../../../services/mcp-provider/src/database.ts'
import { settingsOf } from '../../../services/mcp-provider/src/providers/apply-change.ts'
import { sealSettings } from '../../../services/mcp-provider/src/providers/secrets.ts'

type Given = { adminUrl: string; tenant_id: string; origin: string; total: number; usable: number }

export type SeededProvider = { id: string; server_identifier: string }

// What is sealed has the size of a sealed URL and cannot be compressed either; a tool has about 450 bytes.
const insertProviders = `
  with made as (
    insert into mcp_provider.provider
      (id, tenant_id, name, server_identifier, server_url, server_url_hash, timeout, sse_read_timeout,
        forward_user_identity, identity_mode, tools_status, tools_listed_at, created_by)
    select uuidv7(), $1, 'Server ' || n, 'server-' || n, sha256(n::text::bytea) || sha256((n || 'b')::bytea),
      encode(sha256(n::text::bytea), 'hex'), 30, 300, false, 'off', 'fresh', now(), $1
    from generate_series($2::integer, $3::integer) as n
    returning id
  )
  insert into mcp_provider.tool (provider_id, name, position, hash, words, definition)
  select id, 'tool-' || k, k, encode(sha256((id::text || k)::bytea), 'hex'), 'tool-' || k,
    json_build_object('name', 'tool-' || k, 'description', repeat('Does what it is asked for. ', 6), 'input_schema',
      json_build_object('type', 'object', 'required', json_build_array('id'), 'properties', json_build_object(
        'id', json_build_object('type', 'string', 'description', encode(sha256((id::text || k)::bytea), 'hex')),
        'limit', json_build_object('type', 'integer', 'minimum', 1))))
  from made, generate_series(1, 20) as k`

// From all over the table, not from one page of it.
const chosen = `
  select id, server_identifier from (
    select id, server_identifier, row_number() over (order by id) as number, count(*) over () as total
    from mcp_provider.provider
  ) as numbered
  where number % greatest(1, total / $1) = 0 limit $1`

const batchMax = 10_000

/**
 * Stores providers of one tenant with twenty tools each until there are `total`, and answers with `usable` of them: their
 * URLs are sealed as the service does it, those of the others only look like it. The first is of a server that is slow.
 */
export const seedProviders = async (
  config: Pick<Config, 'DATABASE_URL' | 'MASTER_KEYS'>,
  { adminUrl, tenant_id, origin, total, usable }: Given
): Promise<SeededProvider[]> => {
  const { db, close } = await openPostgres<Database>(config.DATABASE_URL)
  const vault = await openVault(db, config.MASTER_KEYS)
  try {
    return await withClient(adminUrl, async (client) => {
      const { rows: counted } = await client.query('select count(*)::integer as stored from mcp_provider.provider')
      for (let stored: number = counted[0].stored; stored < total; stored += batchMax)
        await client.query(insertProviders, [tenant_id, stored + 1, Math.min(stored + batchMax, total)])
      const { rows } = await client.query<SeededProvider>(chosen, [usable])
      for (const [index, { id, server_identifier }] of rows.entries()) {
        const server_url = `${origin}/${index === 0 ? 'slow' : 'quick'}/${server_identifier}`
        const settings = settingsOf({ name: server_identifier, server_identifier, server_url })
        const sealed = await sealSettings(vault, { id, tenant_id }, settings)
        const values = [id, sealed.server_url, hashOf(`${tenant_id} ${server_url}`)]
        await client.query(
          'update mcp_provider.provider set server_url = $2, server_url_hash = $3 where id = $1',
          values
        )
      }
      await client.query('vacuum analyze mcp_provider.provider, mcp_provider.tool')
      // Or it would be written out while questions are counted.
      await client.query('checkpoint')
      return rows
    })
  } finally {
    await close()
  }
}
