/** Remembers which tokens were used. Shared by all processes of the server where there are several. */
export type ReplayStore = {
  /**
   * Whether `id` was never given before; from then on it was. `expires_at` (seconds since the epoch) is when it may be
   * forgotten. Must decide at once for callers at once, as Redis' SET with NX does.
   */
  isFirst: (id: string, expires_at: number) => boolean | Promise<boolean>
}

/** A store for a server of one process. Throws when it is full of tokens that have not ended: then none is accepted. */
export const memoryReplayStore = ({ max = 100_000, now = Date.now } = {}): ReplayStore => {
  const used = new Map<string, number>()
  const forget = () => {
    for (const [id, expires_at] of used) if (expires_at * 1000 <= now()) used.delete(id)
  }
  return {
    isFirst: (id, expires_at) => {
      const until = used.get(id)
      if (until !== undefined && until * 1000 > now()) return false
      if (used.size >= max) forget()
      if (used.size >= max) throw new Error(`${max} tokens are remembered already`)
      used.set(id, expires_at)
      return true
    }
  }
}
