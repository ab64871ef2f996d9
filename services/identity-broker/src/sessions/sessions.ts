import type { Announce } from '../announce.ts'
import type { Resources } from '../resources.ts'
import { sessionCookies } from './cookies.ts'
import { createSessionEnds } from './end.ts'
import { createSessionIssue } from './issue.ts'
import { createSessionRenewal } from './renew.ts'
import { createSessionResolver } from './resolve.ts'
import { createSessionStart } from './start.ts'
import { sessionStore } from './store.ts'

type Needs = Pick<Resources, 'config' | 'db' | 'vault' | 'ticketKeys' | 'sessionKeys'> & { announce: Announce }

/** Everything that can be done with a session: it starts, is recognised, is renewed, and ends. */
export const createSessions = ({ config, db, vault, ticketKeys, sessionKeys, announce }: Needs) => {
  const publicUrl = config.PUBLIC_URL
  const sessions = sessionStore(db)
  const issue = createSessionIssue({ signingKey: sessionKeys.signingKey, publicUrl })
  const life = { seconds: config.SESSION_SECONDS, idleSeconds: config.SESSION_IDLE_SECONDS }
  return {
    sessions,
    startSession: createSessionStart({ sessions, vault, issue, life }),
    resolveSession: createSessionResolver(sessions, ticketKeys.signingKey),
    renewSession: createSessionRenewal({ sessions, issue, announce, life }),
    sessionEnds: createSessionEnds({ sessions, announce }),
    sessionCookies: sessionCookies(publicUrl)
  }
}
