/** A minted token: whose it is, what for, and under which epoch of its row it was asked for. */
export type SimToken = { user: string; want: string; epoch: number; isCommitted: boolean; isSpent: boolean }

type Family = { user: string; current: string; isRevoked: boolean }

export type Reply =
  | { kind: 'tokens'; user: string; next: string | undefined }
  | { kind: 'invalid_grant'; isReuse: boolean }

type Manners = { isRotating: boolean; isWatchful: boolean }

/**
 * A server that rotates refresh tokens, or does not; a watchful one revokes the whole family of a refresh token that is
 * used twice (RFC 9700 §4.14.2).
 */
export const createServer = ({ isRotating, isWatchful }: Manners) => {
  const families = new Map<string, Family>()
  /** The family of a token that would be accepted. */
  const accepting = (token: string): Family | undefined => {
    const family = families.get(token)
    return family && !family.isRevoked && family.current === token ? family : undefined
  }

  const revoke = (token: string): void => {
    const family = families.get(token)
    if (family) family.isRevoked = true
  }

  return {
    /** A sign-in: the first refresh token of a new family. */
    signIn: (user: string): string => {
      const current = `${user}#${families.size + 1}`
      families.set(current, { user, current, isRevoked: false })
      return current
    },
    accepts: (token: string): boolean => accepting(token) !== undefined,
    revoke,
    present: (token: string): Reply => {
      const family = accepting(token)
      if (!family) {
        const isReuse = isWatchful && families.get(token)?.isRevoked === false
        if (isReuse) revoke(token)
        return { kind: 'invalid_grant', isReuse }
      }
      const { user } = family
      if (!isRotating) return { kind: 'tokens', user, next: undefined }
      family.current = `${user}#${families.size + 1}`
      families.set(family.current, family)
      return { kind: 'tokens', user, next: family.current }
    }
  }
}

export type SimServer = ReturnType<typeof createServer>
