import { createHmac, type KeyObject } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { CallTable } from '../database.ts'

/** A record in its chain. */
export type Linked = CallTable & Link
/** A place in the chain that one writer makes for one tenant, beginning with 1. */
export type Link = { writer: string; sequence: number; mac: string }

/** What the first record of a chain follows. */
export const beginning = ''

const columns = [
  ...([
    'id',
    'kind',
    'call_id',
    'tenant_id',
    'user_id',
    'app_id',
    'credential_kind',
    'credential_id',
    'provider_id'
  ] as const),
  ...(['server_identifier', 'tool', 'arguments_digest', 'mode', 'audience', 'token_jti', 'outcome'] as const),
  ...(['upstream_status', 'started_at', 'finished_at', 'writer', 'sequence'] as const)
]

/** base64url HMAC-SHA-256 over a record and the `mac` of the one before it in its chain. */
export const macOf = (key: KeyObject, before: string, row: Omit<Linked, 'mac'>): string =>
  createHmac('sha256', key)
    .update(JSON.stringify([before, ...columns.map((column) => row[column]), ...laterOf(row)]))
    .digest('base64url')

// What there was no column for at first: a record without it is linked as it was then.
const laterOf = ({ tool_hash }: Pick<Linked, 'tool_hash'>): object[] => (tool_hash === null ? [] : [{ tool_hash }])

const tenantsMax = 10_000

/** Links the records of this process: one chain for each tenant, and a new one for a tenant that was long away. */
export const createChains = (key: KeyObject, newWriter: () => string) => {
  const ends = new LRUCache<string, Link>({ maxSize: tenantsMax, sizeCalculation: () => 1 })
  return (given: CallTable): Linked => {
    const row = { ...storable(given), arguments_digest: keyed(key, given.arguments_digest) }
    const end = ends.get(row.tenant_id) ?? { writer: newWriter(), sequence: 0, mac: beginning }
    const next = { ...row, writer: end.writer, sequence: end.sequence + 1 }
    const linked = { ...next, mac: macOf(key, end.mac, next) }
    ends.set(row.tenant_id, { writer: linked.writer, sequence: linked.sequence, mac: linked.mac })
    return linked
  }
}

// Without the key nobody can try arguments until they find their digest.
const keyed = (key: KeyObject, digest: string): string =>
  createHmac('sha256', key).update(`arguments ${digest}`).digest('base64url')

// What others wrote, made into what Postgres can keep: one bad row would hold back all rows behind it.
const storable = (row: CallTable): CallTable => ({
  ...row,
  server_identifier: storableText(row.server_identifier),
  tool: storableText(row.tool),
  audience: row.audience === null ? null : storableText(row.audience),
  token_jti: row.token_jti === null ? null : storableText(row.token_jti)
})
const storableText = (text: string): string => text.toWellFormed().replaceAll('\0', '')
