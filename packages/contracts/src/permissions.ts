import { calls, feeds } from './all.ts'
import type { ServiceName } from './shared/vocabulary.ts'

/** What one service may do on the bus, as NATS subjects. */
export type BusPermissions = { publish: string[]; subscribe: string[] }

/**
 * Ask where a contract names it a caller, answer where it is the owner, read the feeds it is a reader of, and hear
 * replies in its own inbox only. Replies themselves are allowed by `allow_responses`.
 */
export const permissionsOf = (service: ServiceName): BusPermissions => {
  const asked = calls.filter(({ callers }) => callers.includes(service)).map(({ subject }) => subject)
  const answered = calls.filter(({ owner }) => owner === service).map(({ subject }) => subject)
  const written = feeds.filter(({ owner }) => owner === service).map(({ subject }) => subject)
  const read = feeds.filter(({ readers }) => readers.includes(service)).map(({ subject }) => subject)
  return {
    publish: [...asked, ...written].sort(),
    subscribe: [`_INBOX.${service}.>`, ...answered, ...read].sort()
  }
}
