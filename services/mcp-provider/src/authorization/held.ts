import { LRUCache } from 'lru-cache'
import type { ServerMetadata } from './server.ts'

const heldMs = 10 * 60_000
/** In bytes: what some thousand authorization servers say. */
const weightMax = 16 * 1024 * 1024
/** What an entry takes beside its words. */
const entryWeight = 2_000
/** Many short words take so many times their text. */
const weightOfCharacter = 8

export type HeldMetadata = {
  /** What was found last, or is being looked for. */
  get: (key: string) => ServerMetadata | Promise<ServerMetadata> | undefined
  /** Held in the place of what was there; where it fails, neither is. */
  hold: (key: string, found: Promise<ServerMetadata>) => Promise<ServerMetadata>
}

/** What authorization servers say, for ten minutes. */
export const holdMetadata = (): HeldMetadata => {
  // By weight and not by number: how much it is, is for them to say.
  const held = new LRUCache<string, ServerMetadata>({ maxSize: weightMax, ttl: heldMs })
  const underWay = new Map<string, Promise<ServerMetadata>>()
  const settle = async (key: string, found: Promise<ServerMetadata>): Promise<void> => {
    const metadata = await found.catch(() => undefined)
    if (underWay.get(key) !== found) return
    underWay.delete(key)
    if (metadata) held.set(key, metadata, { size: weightOf(key, metadata) })
    else held.delete(key)
  }
  return {
    get: (key) => underWay.get(key) ?? held.get(key),
    hold: (key, found) => {
      underWay.set(key, found)
      void settle(key, found)
      return found
    }
  }
}

const weightOf = (key: string, metadata: ServerMetadata): number =>
  entryWeight + key.length + weightOfCharacter * JSON.stringify(metadata).length
