import type { UserPrincipal } from '@onbehalf/contracts'
import type { FastifyBaseLogger } from 'fastify'
import type { SessionEnds } from '../sessions/end.ts'
import type { By, SessionStore } from '../sessions/store.ts'
import type { IdpSignOut } from './at-idp.ts'

type Needs = {
  sessions: Pick<SessionStore, 'find'>
  sessionEnds: Pick<SessionEnds, 'end' | 'endAll'>
  idpSignOut: Pick<IdpSignOut, 'urlFor'>
}

export type Where = 'here' | 'everywhere' | 'identity_provider'
type Asked = { where: Where; state: string; by: By; log: Pick<FastifyBaseLogger, 'warn'> }

/**
 * Ends the session that asks, or all of its user. Answers with where the browser signs out at the IdP as well, if that
 * was asked for and the IdP can be asked: one that is away keeps nobody signed in here.
 */
export const signOut = async (
  { sessions, sessionEnds, idpSignOut }: Needs,
  user: UserPrincipal,
  { where, state, by, log }: Asked
): Promise<string | undefined> => {
  const { tenant_id, credential } = user
  // Read before it ends: what the IdP wants to see goes with the session.
  const session = where === 'identity_provider' ? await sessions.find(tenant_id, credential.id) : undefined
  if (where === 'everywhere') await sessionEnds.endAll(user, null, 'signed_out', by)
  else await sessionEnds.end(user, credential.id, 'signed_out', by)
  if (!session) return undefined
  return idpSignOut.urlFor(session, state).catch((err: unknown) => {
    log.warn({ err }, 'signed out here, but not at the identity provider')
    return undefined
  })
}
