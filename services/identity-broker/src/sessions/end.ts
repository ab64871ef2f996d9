import { hashOf } from '@onbehalf/service-kit'
import type { Announce } from '../announce.ts'
import type { Session } from '../database.ts'
import type { By, EndReason, SessionStore } from './store.ts'

export type SessionEnds = ReturnType<typeof createSessionEnds>

type Owner = Pick<Session, 'tenant_id' | 'user_id'>
type Needs = { sessions: Pick<SessionStore, 'end' | 'endAll' | 'endByRenewal'>; announce: Announce }

/** Ends sessions, here and at every service: what was signed for them is nobody's within a second. */
export const createSessionEnds = ({ sessions, announce }: Needs) => {
  const tell = async (ids: string[]): Promise<number> => {
    await Promise.all(ids.map((id) => announce('session', id)))
    return ids.length
  }
  return {
    /** Answers whether there was one to end. */
    end: async (owner: Owner, id: string, reason: EndReason, by: By): Promise<boolean> =>
      (await tell(await sessions.end(owner, id, reason, by))) > 0,
    /** Every session of a user but `except`; answers with how many there were. */
    endAll: async (owner: Owner, except: string | null, reason: EndReason, by: By): Promise<number> =>
      tell(await sessions.endAll(owner, except, reason, by)),
    /** The one that a browser has at hand when it signs in anew. */
    endByRenewal: async (token: string, by: By): Promise<void> => {
      await tell(await sessions.endByRenewal(hashOf(token), 'signed_in_anew', by))
    }
  }
}
