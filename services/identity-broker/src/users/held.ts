import { type IdentityChange, identityChanges } from '@onbehalf/contracts'
import { type Bus, createLiveCache, readFeed } from '@onbehalf/rpc'
import type { User } from '../database.ts'
import { lastIdentified } from './identified.ts'
import type { UserStore } from './store.ts'

type Needs = {
  bus: Bus
  find: UserStore['find']
  /** Calls `listener` for every change this replica makes. */
  onOwnChange: (listener: (change: IdentityChange) => void) => void
}

const heldMax = 20_000

/** Users whom an IdP identified, held under the rule for caches: emptied by the feed, never used past 30 s. */
export const createHeldUsers = ({ bus, find, onOwnChange }: Needs) => {
  const cache = createLiveCache<{ tenant_id: string; id: string }, User | undefined>({
    max: heldMax,
    keyOf: ({ tenant_id, id }) => `${tenant_id} ${id}`,
    load: ({ tenant_id, id }) => find(tenant_id, id),
    tagsOf: (user) => (user ? [`user:${user.id}`, `connection:${user.connection_id}`] : []),
    // Whoever is still to sign in is looked for each time: they may come just now.
    expiresAtOf: (user) => (user && lastIdentified(user) ? Number.POSITIVE_INFINITY : 0)
  })
  const onChange = ({ kind, id }: IdentityChange) => cache.dropTag(`${kind}:${id}`)
  onOwnChange(onChange)
  const reader = readFeed(bus, identityChanges, { onChange, onReset: cache.dropAll })
  return {
    find: (tenant_id: string, id: string): Promise<User | undefined> => cache.get({ tenant_id, id }),
    close: () => reader.close()
  }
}
