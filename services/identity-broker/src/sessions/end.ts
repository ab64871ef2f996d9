import { hashOf } from '@onbehalf/service-kit'
import type { Announce } from '../announce.ts'
import type { SessionStore } from './store.ts'

export type SessionEnds = ReturnType<typeof createSessionEnds>

/** Ends sessions, here and at every service: what was signed for them is nobody's within a second. */
export const createSessionEnds = (sessions: Pick<SessionStore, 'end' | 'endByRenewal'>, announce: Announce) => ({
  end: async (tenant_id: string, id: string): Promise<boolean> => {
    const isEnded = await sessions.end(tenant_id, id)
    await announce('session', id)
    return isEnded
  },
  /** The session of a browser that signs in anew. */
  endByRenewal: async (token: string): Promise<void> => {
    const id = await sessions.endByRenewal(hashOf(token))
    if (id) await announce('session', id)
  }
})
