import { randomBytes } from 'node:crypto'
import { hashOf, newId } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import type { Session, User } from '../database.ts'
import type { Issued, IssueSession } from './issue.ts'
import { idTokenPlace } from './place.ts'
import { newRenewalToken } from './renewal-token.ts'
import type { SessionStore } from './store.ts'

/** How long a session lives: at most, and without being renewed. */
export type SessionLife = { seconds: number; idleSeconds: number }

/** The browser somebody signs in with, and its request. */
export type SignInBrowser = { user_agent: string; ip: string; request_id: string }

/** What a sign-in brought besides the user: the IdP's session, when it began there, and the browser it happened in. */
export type SignInFacts = Pick<Session, 'connection_id' | 'idp_session' | 'auth_time'> & {
  id_token: string | undefined
  browser: SignInBrowser
}

export type StartSession = (user: Pick<User, 'id' | 'tenant_id'>, facts: SignInFacts) => Promise<Issued>

type Needs = {
  sessions: Pick<SessionStore, 'insert'>
  vault: Vault
  issue: IssueSession
  life: SessionLife
  now?: () => number
}

/** Signs a browser in as a user: a row that can be ended, the JWT that names it, and what renews that. */
export const createSessionStart =
  ({ sessions, vault, issue, life, now = Date.now }: Needs): StartSession =>
  async ({ id: user_id, tenant_id }, { id_token: idToken, browser, ...facts }) => {
    const { user_agent, ip, request_id } = browser
    const owner = { id: newId(), tenant_id, user_id }
    const session = {
      ...owner,
      ...facts,
      user_agent,
      created_ip: ip,
      csrf: randomBytes(24).toString('base64url'),
      id_token: idToken ? await vault.seal(idToken, idTokenPlace(owner)) : null,
      expires_at: new Date(now() + life.seconds * 1000),
      idle_until: new Date(now() + Math.min(life.idleSeconds, life.seconds) * 1000)
    }
    const renewal = newRenewalToken()
    await sessions.insert(session, hashOf(renewal), { ip, request_id })
    return issue(session, renewal)
  }
