import type { KeyObject } from 'node:crypto'
import { timeText } from '@onbehalf/service-kit'
import { LRUCache } from 'lru-cache'
import type { CallTable } from '../database.ts'
import { type Hmac, hmacWith } from './hmac.ts'

/** A record in its chain; its times are written as RFC 3339. */
export type Linked = Omit<CallTable, 'started_at' | 'finished_at'> & { started_at: string; finished_at: string } & Link
/** A place in the chain that one writer makes for one tenant, beginning with 1. */
export type Link = { writer: string; sequence: number; mac: string }

/** What the first record of a chain follows. */
export const beginning = ''

/** base64url HMAC-SHA-256 over a record and the `mac` of the one before it in its chain. */
export const macOf = (hmac: Hmac, before: string, row: Omit<Linked, 'mac'>): string => {
  // Each by its name and in one list: gone through by a list of names, or put together from lists, it takes twice as long.
  const told: unknown[] = [
    before,
    row.id,
    row.kind,
    row.call_id,
    row.tenant_id,
    row.user_id,
    row.app_id,
    row.credential_kind,
    row.credential_id,
    row.provider_id,
    row.server_identifier,
    row.tool,
    row.arguments_digest,
    row.mode,
    row.audience,
    row.token_jti,
    row.outcome,
    row.upstream_status,
    row.started_at,
    row.finished_at,
    row.writer,
    row.sequence
  ]
  // What there was no column for at first: a record without it is linked as it was then.
  if (row.tool_hash !== null) told.push({ tool_hash: row.tool_hash })
  if (row.arguments !== null) told.push({ arguments: row.arguments })
  if (row.subject !== null) told.push({ subject: row.subject })
  return hmac(JSON.stringify(told))
}

const tenantsMax = 10_000

/** Links the records of this process: one chain for each tenant, and a new one for a tenant that was long away. */
export const createChains = (key: KeyObject, newWriter: () => string) => {
  const hmac = hmacWith(key)
  const ends = new LRUCache<string, Link>({ maxSize: tenantsMax, sizeCalculation: () => 1 })
  const endOf = (tenantId: string): Link => {
    const known = ends.get(tenantId)
    if (known) return known
    const end = { writer: newWriter(), sequence: 0, mac: beginning }
    ends.set(tenantId, end)
    return end
  }
  return (given: CallTable): Linked => {
    const end = endOf(given.tenant_id)
    const linked: Linked = {
      ...given,
      server_identifier: storableText(given.server_identifier),
      tool: storableText(given.tool),
      audience: given.audience === null ? null : storableText(given.audience),
      subject: given.subject === null ? null : storableText(given.subject),
      token_jti: given.token_jti === null ? null : storableText(given.token_jti),
      // Without the key nobody can try arguments until they find their digest.
      arguments_digest: hmac(`arguments ${given.arguments_digest}`),
      started_at: timeText(given.started_at.getTime()),
      finished_at: timeText(given.finished_at.getTime()),
      ...{ writer: end.writer, sequence: end.sequence + 1, mac: '' }
    }
    linked.mac = macOf(hmac, end.mac, linked)
    end.sequence = linked.sequence
    end.mac = linked.mac
    return linked
  }
}

// What others wrote, made into what Postgres can keep: one bad row would hold back all rows behind it.
const storableText = (text: string): string =>
  text.isWellFormed() && !text.includes('\0') ? text : text.toWellFormed().replaceAll('\0', '')
