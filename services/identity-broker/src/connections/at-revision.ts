import { LRUCache } from 'lru-cache'
import type { Connection } from '../database.ts'
import type { ConnectionStore } from './store.ts'

type At = { tenant_id: string; connection_id: string; connection_revision: number }

/** A connection as it was at a revision, or as it is now where that is a later one. */
export type FindConnectionAt = (at: At) => Promise<Connection | undefined>

/** Every edit is a new revision, so what was read once need not be read again. */
export const createConnectionsAt = (connections: Pick<ConnectionStore, 'find'>): FindConnectionAt => {
  const known = new LRUCache<string, Connection>({ max: 1_000 })
  return async ({ tenant_id, connection_id, connection_revision }) => {
    const held = known.get(`${connection_id} ${connection_revision}`)
    if (held) return held
    const found = await connections.find(tenant_id, connection_id)
    if (found) known.set(`${found.id} ${found.revision}`, found)
    return found
  }
}
