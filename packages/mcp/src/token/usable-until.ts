const skewMs = 30_000

/**
 * Until when a token may be stamped on calls, in milliseconds since the epoch: 30 s before it ends, or half its
 * remaining life where that is less; never again for one that is good for one call.
 */
export const usableUntil = (
  { expires_at, reusable }: { expires_at: number; reusable: boolean },
  now: number
): number => {
  if (!reusable) return 0
  const remainingMs = expires_at * 1000 - now
  return now + remainingMs - Math.min(skewMs, remainingMs / 2)
}
