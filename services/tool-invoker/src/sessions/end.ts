import type { Session } from './find.ts'
import type { Relay } from './relay.ts'
import type { SessionStore } from './store.ts'

/** Ends a session: for its client, and at the servers that were asked in its name. */
export const endSession = async (
  { sessions, relay }: { sessions: Pick<SessionStore, 'end'>; relay: Pick<Relay, 'tell'> },
  { id, key, owner }: Session
): Promise<void> => {
  await sessions.end(id, owner)
  relay.tell(key, { kind: 'end' })
}
