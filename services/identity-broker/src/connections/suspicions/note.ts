import type { Connection } from '../../database.ts'
import type { SuspectedQuirk } from '../vocabulary.ts'
import type { SuspicionStore } from './store.ts'

type Seen = Pick<Connection, 'id' | 'tenant_id' | 'revision'>

/**
 * Takes note that a quirk would explain what the IdP of a connection did, for its administrators to decide. Never
 * throws: one that cannot be noted now shows again with the next user.
 */
export type NoteSuspicion = (connection: Seen, quirk: SuspectedQuirk) => Promise<void>

export const createNoteSuspicion = (suspicions: Pick<SuspicionStore, 'isFresh' | 'note'>): NoteSuspicion => {
  const writing = new Set<string>()
  return async (connection, quirk) => {
    const key = `${connection.id} ${quirk}`
    if (writing.has(key)) return
    writing.add(key)
    try {
      if (!(await suspicions.isFresh(connection, quirk))) await suspicions.note(connection, quirk)
    } catch {
      // The failure that showed it is answered all the same.
    } finally {
      writing.delete(key)
    }
  }
}
