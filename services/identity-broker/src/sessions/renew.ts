import { ReportedError } from '@onbehalf/errors'
import { hashOf } from '@onbehalf/service-kit'
import type { Announce } from '../announce.ts'
import type { Session } from '../database.ts'
import type { Issued, IssueSession } from './issue.ts'
import { newSeed, tokenAfter } from './renewal-token.ts'
import type { SessionLife } from './start.ts'
import type { By, Renewing, SessionStore } from './store.ts'

export type RenewSession = (token: string, by: By) => Promise<Issued>

type Needs = {
  sessions: Pick<SessionStore, 'renewing'>
  issue: IssueSession
  announce: Announce
  life: SessionLife
  now?: () => number
}

/**
 * Renews a session: its row and its user's membership are looked at again, and the token is replaced. An old token is
 * answered for 30 s with what it was replaced by, since two tabs may have sent it; after that somebody has a copy, so
 * the whole session ends. Throws `unauthenticated`.
 */
export const createSessionRenewal =
  ({ sessions, issue, announce, life, now = Date.now }: Needs): RenewSession =>
  async (token, by) => {
    const { session, renewal } = await sessions.renewing(async (store) => {
      const found = await store.lock(hashOf(token))
      if (!found?.is_renewable) return {}
      const next = await follow(store, found, token)
      if (next) return { session: await prolong(store, found, life, now()), renewal: next }
      await store.endCopied(found.id, by)
      return { session: found }
    })
    if (session && renewal) return issue(session, renewal)
    if (session) await announce('session', session.id)
    throw new ReportedError('unauthenticated', 'Sign in again: the session has ended.')
  }

/** The token a browser goes on with; undefined where the one it showed was replaced too long ago. */
const follow = async (store: Renewing, { id }: Session, shown: string): Promise<string | undefined> => {
  const used = await store.find(hashOf(shown))
  if (used?.is_late) return undefined
  if (used?.seed) return newest(store, tokenAfter(shown, used.seed))
  const seed = newSeed()
  const next = tokenAfter(shown, seed)
  await store.replace(id, { hash: hashOf(shown), seed, next: hashOf(next) })
  return next
}

/** The current token, where `token` may have been replaced meanwhile. */
const newest = async (store: Renewing, token: string): Promise<string> => {
  const used = await store.find(hashOf(token))
  return used?.seed ? newest(store, tokenAfter(token, used.seed)) : token
}

const prolong = async (store: Renewing, session: Session, { idleSeconds }: SessionLife, now: number) => {
  const idle_until = new Date(Math.min(now + idleSeconds * 1000, session.expires_at.getTime()))
  await store.keepUntil(session.id, idle_until)
  return { ...session, idle_until }
}
