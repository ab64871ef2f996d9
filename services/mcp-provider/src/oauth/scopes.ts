// RFC 6749 §3.3
const token = /^[\x21\x23-\x5b\x5d-\x7e]+$/
const scopesMax = 100

const wordsOf = (scope: string | undefined): string[] => (scope ?? '').split(' ').filter((word) => token.test(word))

/** Both together, each once. */
export const unionOf = (...scopes: (string | undefined)[]): string =>
  [...new Set(scopes.flatMap(wordsOf))].slice(0, scopesMax).join(' ')

/** Whether all of `scope` is in `held`. */
export const covers = (held: string, scope: string): boolean => {
  const words = new Set(wordsOf(held))
  return wordsOf(scope).every((word) => words.has(word))
}

type Told = {
  /** Of the server's 401 or 403. */
  challenge: string | undefined
  /** Of the server's metadata (RFC 9728 `scopes_supported`). */
  resource: readonly string[] | undefined
  /** Of the authorization server's metadata. */
  server: readonly string[] | undefined
  /** What was asked for before, and what the server wanted on top of it. */
  earlier: string | undefined
}

/**
 * What to ask for: what the challenge says, else what the server's metadata says, else nothing; with what was asked
 * before. `offline_access` where there is such a thing, so that a refresh token comes.
 */
export const scopesFor = ({ challenge, resource, server, earlier }: Told): string =>
  unionOf(earlier, challenge ?? resource?.join(' '), server?.includes('offline_access') ? 'offline_access' : undefined)
