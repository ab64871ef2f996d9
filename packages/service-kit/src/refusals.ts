import { ReportedError } from '@onbehalf/errors'
import { LRUCache } from 'lru-cache'

type Load<Value> = (credentialHash: string) => Promise<Value>

/**
 * Remembers for `heldMs` (10 s) which credentials `load` refused, so that one that is shown again and again costs its
 * owner one look-up. What is refused may be good once a token was minted or somebody became a member: then `empty` it.
 */
export const holdRefusals = <Value>(load: Load<Value>, { max = 10_000, heldMs = 10_000, now = Date.now } = {}) => {
  const held = new LRUCache<string, { refusal: ReportedError; until: number }>({
    maxSize: max,
    sizeCalculation: () => 1
  })
  let emptied = 0
  const ask: Load<Value> = async (credentialHash) => {
    const known = held.get(credentialHash)
    if (known && now() < known.until) throw known.refusal
    const began = emptied
    return load(credentialHash).catch((error: unknown) => {
      // A refusal from before the last emptying may be one that no longer holds.
      if (isInvalid(error) && began === emptied) held.set(credentialHash, { refusal: error, until: now() + heldMs })
      throw error
    })
  }
  const empty = () => {
    emptied += 1
    held.clear()
  }
  return { ask, empty }
}

const isInvalid = (error: unknown): error is ReportedError =>
  error instanceof ReportedError && error.code === 'invalid_bearer'
