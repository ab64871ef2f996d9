import type { IdentityChange } from '@onbehalf/contracts'
import type { FeedWriter } from '@onbehalf/rpc'

/**
 * Tells every replica of every service that something of ours no longer holds. Once it resolves, the bus has the word:
 * who is asked later has heard it before. It never rejects: what cannot be told ends by itself within 30 s.
 */
export type Announce = (kind: IdentityChange['kind'], id: string) => Promise<void>

type Needs = {
  feed: Pick<FeedWriter<IdentityChange>, 'publish' | 'flush'>
  /** Empties what the replicas share; whoever hears of the change looks there next. */
  emptyShared: (tag: string) => Promise<void>
}

/** Announcements go to this replica at once, to what all share next, and then to everybody. */
export const createAnnouncements = ({ feed, emptyShared }: Needs) => {
  const listeners = new Set<(change: IdentityChange) => void>()
  const announce: Announce = async (kind, id) => {
    for (const listener of listeners) listener({ kind, id })
    await emptyShared(`${kind}:${id}`).catch(() => {})
    feed.publish({ kind, id })
    await feed.flush()
  }
  return {
    announce,
    onOwnChange: (listener: (change: IdentityChange) => void) => {
      listeners.add(listener)
    }
  }
}
