import { repliesFrom } from '@onbehalf/rpc'
import { calls, feeds } from './all.ts'
import type { ServiceName } from './shared/vocabulary.ts'

/** What one service may do on the bus, as NATS subjects. */
export type BusPermissions = { publish: string[]; subscribe: string[] }

/**
 * Ask where a contract names it a caller, answer where it is the owner and only those who may ask, read the feeds it
 * is a reader of, and hear replies in its own inbox only.
 */
export const permissionsOf = (service: ServiceName): BusPermissions => {
  const asked = calls.filter(({ callers }) => callers.includes(service)).map(({ subject }) => subject)
  const owned = calls.filter(({ owner }) => owner === service)
  const askers = [...new Set(owned.flatMap(({ callers }) => callers))]
  const written = feeds.filter(({ owner }) => owner === service).map(({ subject }) => subject)
  const read = feeds.filter(({ readers }) => readers.includes(service)).map(({ subject }) => subject)
  return {
    publish: [...asked, ...written, ...askers.map((asker) => repliesFrom(service, asker))].sort(),
    subscribe: [`_INBOX.${service}.>`, ...owned.map(({ subject }) => subject), ...read].sort()
  }
}
