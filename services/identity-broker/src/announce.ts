import type { IdentityChange } from '@onbehalf/contracts'
import type { FeedWriter } from '@onbehalf/rpc'

/** Tells every replica of every service that something of ours no longer holds. */
export type Announce = (kind: IdentityChange['kind'], id: string) => void

export const announcer =
  (feed: Pick<FeedWriter<IdentityChange>, 'publish'>): Announce =>
  (kind, id) =>
    feed.publish({ kind, id })
