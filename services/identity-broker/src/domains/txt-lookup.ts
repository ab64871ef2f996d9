import { Resolver } from 'node:dns/promises'
import { ReportedError } from '@onbehalf/errors'

/** The TXT records of a name, each in one piece; none where there is no such name. */
export type LookUpTxt = (name: string) => Promise<string[]>

const tryMs = 2_000
const tries = 2
const waitMs = 6_000

/** Asks these name servers (`address` or `address:port`), or those of the system where none is given. */
export const createTxtLookup =
  (servers: readonly string[]): LookUpTxt =>
  async (name) => {
    // One for each question: a resolver remembers answers, and somebody has just changed theirs.
    const resolver = new Resolver({ timeout: tryMs, tries })
    if (servers.length > 0) resolver.setServers(servers)
    const giveUp = setTimeout(() => resolver.cancel(), waitMs)
    try {
      return (await resolver.resolveTxt(name)).map((parts) => parts.join(''))
    } catch (cause) {
      if (isAbsence(cause)) return []
      throw new ReportedError('unavailable', 'The name servers of this domain do not answer. Try again in a while.', {
        cause,
        retry_after_seconds: 30
      })
    } finally {
      clearTimeout(giveUp)
    }
  }

const isAbsence = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && (cause.code === 'ENOTFOUND' || cause.code === 'ENODATA')
