import type { IdentityChange } from '@onbehalf/contracts'
import type { FeedWriter } from '@onbehalf/rpc'

/**
 * Tells every replica of every service that something of ours no longer holds. Once it resolves, the bus has the word:
 * who is asked later has heard it before. It never rejects: what cannot be told ends by itself within 30 s.
 */
export type Announce = (kind: IdentityChange['kind'], ...ids: string[]) => Promise<void>

/** In one message, which has at most a megabyte. */
const togetherMax = 1_000

type Needs = {
  feed: Pick<FeedWriter<IdentityChange>, 'publish' | 'flush'>
  /** Empties what the replicas share; whoever hears of the change looks there next. */
  emptyShared: (tag: string) => Promise<void>
}

/** Announcements go to this replica at once, to what all share next, and then to everybody. */
export const createAnnouncements = ({ feed, emptyShared }: Needs) => {
  const listeners = new Set<(change: IdentityChange) => void>()
  const tell = async (changes: IdentityChange[]) => {
    for (const listener of listeners) changes.forEach(listener)
    await Promise.all(changes.map(({ kind, id }) => emptyShared(`${kind}:${id}`).catch(() => {})))
    feed.publish(...changes)
  }
  const announce: Announce = async (kind, ...ids) => {
    for (let from = 0; from < ids.length; from += togetherMax)
      await tell(ids.slice(from, from + togetherMax).map((id) => ({ kind, id })))
    await feed.flush()
  }
  return {
    announce,
    onOwnChange: (listener: (change: IdentityChange) => void) => {
      listeners.add(listener)
    }
  }
}
