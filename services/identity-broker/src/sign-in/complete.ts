import { type AuthorizationResponseError, authorizationCodeGrant } from 'openid-client'
import type { FindClient } from '../connections/client.ts'
import type { ConnectionStore } from '../connections/store.ts'
import type { Connection, NewUser } from '../database.ts'
import type { StoreGrant } from '../grants/keep.ts'
import type { Admit } from '../members/admit.ts'
import type { SignInBrowser, StartSession } from '../sessions/start.ts'
import type { UserStore } from '../users/store.ts'
import { usesNonce } from './begin.ts'
import { callbackUrl } from './callback-url.ts'
import { changedMeanwhile, failed } from './failed.ts'
import type { FindPerson } from './person.ts'
import type { SignInStates } from './state.ts'

export type CompleteNeeds = {
  users: Pick<UserStore, 'find' | 'findTenant'>
  admit: Admit
  connections: Pick<ConnectionStore, 'find'>
  findClient: FindClient
  states: Pick<SignInStates, 'take'>
  findPerson: FindPerson
  keepGrant: StoreGrant
  startSession: StartSession
  publicUrl: string
}

/** What came back: at which path, with which query, in the browser that holds which cookie. */
export type Callback = {
  path: string
  query: URLSearchParams
  binding: string | undefined
  browser: SignInBrowser
}

/**
 * Finishes a sign-in: the code is redeemed by the browser that began it, the person is who the IdP says, the refresh
 * token is stored, and only then there is a session. Throws `sign_in_failed`; then nothing was stored. Nor was it where
 * somebody else was expected: then nothing is issued.
 */
export const completeSignIn = async (needs: CompleteNeeds, callback: Callback) => {
  const { query, binding } = callback
  const state = query.get('state')
  const taken = state && binding ? await needs.states.take(state, binding) : undefined
  if (!state || !taken) throw failed('This sign-in has ended, was used already, or began in another browser.')
  const { remembered, nonce, codeVerifier } = taken
  const connection = await needs.connections.find(remembered.tenant_id, remembered.connection_id)
  if (!connection || connection.revision !== remembered.revision) throw changedMeanwhile()
  const tenant = await needs.users.findTenant(connection.tenant_id)
  const expected = tenant && callbackUrl(needs.publicUrl, tenant, connection)
  if (!expected || expected !== `${needs.publicUrl}${callback.path}`)
    throw failed('The answer came back as that of another identity provider.')
  const client = await needs.findClient(connection)
  const answer = await authorizationCodeGrant(client.configuration, new URL(`${expected}?${query}`), {
    expectedState: state,
    pkceCodeVerifier: codeVerifier,
    ...(connection.kind === 'oidc' ? { idTokenExpected: true } : {}),
    ...(usesNonce(connection) ? { expectedNonce: nonce } : {})
  }).catch((cause: unknown) => {
    throw failed(isRefusal(cause) ? wordsOf(cause) : undefined, cause)
  })
  if ((answer.refresh_token ?? '').length > refreshTokenMax)
    throw failed('The identity provider gave a refresh token that is too long to be one.')
  const person = await needs.findPerson(connection, client, answer)
  const { expected: them } = remembered
  if (them && !(await isThem(needs.users, them.user_id, connection, person)))
    return { issued: undefined, return_to: them.otherwise_to }
  const user = await needs.admit(connection, person, remembered.invitation_id)
  const idp_session = sessionOf(answer.claims()?.sid)
  await needs.keepGrant(connection, user, {
    idp_session,
    // RFC 6749 §5.1: what was asked for, where the answer says nothing else.
    is_offline: (answer.scope ?? connection.scopes).split(' ').includes('offline_access'),
    resources: remembered.resources,
    refreshToken: answer.refresh_token,
    tokenEndpoint: client.tokenEndpoint
  })
  const facts = { connection_id: connection.id, idp_session, id_token: answer.id_token, browser: callback.browser }
  return { issued: await needs.startSession(user, facts), return_to: remembered.return_to }
}

/** In characters; some IdPs put a whole session into it. */
const refreshTokenMax = 16 * 1024

const isThem = async (
  users: Pick<UserStore, 'find'>,
  user_id: string,
  { tenant_id, id }: Connection,
  { subject }: NewUser
): Promise<boolean> => {
  const user = await users.find(tenant_id, user_id)
  return user?.connection_id === id && user.subject === subject
}

const isRefusal = (cause: unknown): cause is AuthorizationResponseError =>
  cause instanceof Error && cause.name === 'AuthorizationResponseError'

/** What an IdP says of its refusal (RFC 6749 §4.1.2.1) is shown as text, and not without end. */
const wordsOf = ({ error, error_description = '' }: AuthorizationResponseError): string => {
  const [code, description] = [error, error_description].map((text) => text.replace(/\p{Cc}/gu, ' ').slice(0, shownMax))
  return `The identity provider refused: ${code}${description ? ` (${description})` : ''}.`
}

const shownMax = 200

/** The IdP's own name of its session: what it says when that one ends. */
const sessionOf = (sid: unknown): string | null => (typeof sid === 'string' && sid !== '' ? sid : null)
