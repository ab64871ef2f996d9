import { principalTicket, type ResolvedPrincipal, type UserPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type SigningKey, signTicket } from '@onbehalf/rpc'
import type { SessionStore } from './store.ts'

export type ResolveSession = (session: { tenant_id: string; session_id: string }) => Promise<ResolvedPrincipal>

/** Who a session's browser is now: the role is read each time, and an ended session is nobody. */
export const createSessionResolver =
  (sessions: Pick<SessionStore, 'findLive'>, signingKey: () => SigningKey): ResolveSession =>
  async ({ tenant_id, session_id }) => {
    const session = await sessions.findLive(tenant_id, session_id)
    if (!session) throw new ReportedError('unauthenticated', 'Sign in again: the session has ended.')
    const principal: UserPrincipal = {
      kind: 'user',
      tenant_id,
      user_id: session.user_id,
      role: session.role,
      credential: { kind: 'session', id: session.id }
    }
    const { ticket } = await signTicket(principalTicket, principal, { issuer: 'identity-broker', key: signingKey() })
    const end = Math.min(session.idle_until.getTime(), session.expires_at.getTime())
    const { auth_time } = session
    return {
      ...{ principal, ticket, credential_expires_at: Math.floor(end / 1000) },
      ...(auth_time ? { auth_time: Math.floor(auth_time.getTime() / 1000) } : {})
    }
  }
