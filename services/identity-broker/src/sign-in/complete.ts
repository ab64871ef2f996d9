import { type AuthorizationResponseError, authorizationCodeGrant } from 'openid-client'
import type { FindClient } from '../connections/client.ts'
import type { ConnectionStore } from '../connections/store.ts'
import { quirkBehindSignIn } from '../connections/suspicions/behind-sign-in.ts'
import type { NoteSuspicion } from '../connections/suspicions/note.ts'
import type { User } from '../database.ts'
import { orSendBack } from '../device-sso/send-back.ts'
import type { StoreGrant } from '../grants/keep.ts'
import type { SignInBrowser } from '../sessions/start.ts'
import type { UserStore } from '../users/store.ts'
import { usesNonce } from './authorization-url.ts'
import { takeBegun } from './begun.ts'
import { callbackUrl } from './callback-url.ts'
import { failed } from './failed.ts'
import { type FinishNeeds, finishSignIn } from './finish.ts'
import { authTimeOf, requireFresh } from './fresh.ts'
import type { FindPerson } from './person.ts'
import type { SignInStates } from './state.ts'

export type CompleteNeeds = FinishNeeds & {
  users: Pick<UserStore, 'find' | 'findTenant'>
  connections: Pick<ConnectionStore, 'find'>
  findClient: FindClient
  noteSuspicion: NoteSuspicion
  states: Pick<SignInStates, 'take'>
  findPerson: FindPerson
  keepGrant: StoreGrant
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
 * token is stored, and only then there is a session. Throws `sign_in_failed`; then nothing was stored, but for who they
 * are, and the invitation they accepted, where the connection was edited right after that. Where somebody else was
 * expected nothing is stored or issued.
 */
export const completeSignIn = async (needs: CompleteNeeds, came: Callback) => {
  const begun = await takeBegun(needs, came.query.get('state'), came.binding)
  return orSendBack(begun.remembered, () => redeem(needs, begun, came))
}

type Begun = Awaited<ReturnType<typeof takeBegun>>

const redeem = async (needs: CompleteNeeds, begun: Begun, { path, query, browser }: Callback) => {
  const { remembered, connection } = begun
  const expected = callbackUrl(needs.publicUrl, begun.tenant, connection)
  if (connection.kind === 'saml' || expected !== `${needs.publicUrl}${path}`)
    throw failed('The answer came back as that of another identity provider.')
  const client = await needs.findClient(connection)
  const answer = await authorizationCodeGrant(client.configuration, new URL(`${expected}?${query}`), {
    expectedState: begun.state,
    pkceCodeVerifier: begun.codeVerifier,
    ...(connection.kind === 'oidc' ? { idTokenExpected: true } : {}),
    ...(usesNonce(connection) ? { expectedNonce: begun.nonce } : {})
  }).catch(async (cause: unknown) => {
    const quirk = quirkBehindSignIn(cause, { connection, client, query })
    if (quirk) await needs.noteSuspicion(connection, quirk)
    throw failed(quirk ? lacking : isRefusal(cause) ? wordsOf(cause) : undefined, cause)
  })
  if ((answer.refresh_token ?? '').length > refreshTokenMax)
    throw failed('The identity provider gave a refresh token that is too long to be one.')
  const person = await needs.findPerson(connection, client, answer)
  const claims = answer.claims()
  // What plain OAuth 2 brings along was not verified.
  const auth_time = connection.kind === 'oidc' ? (authTimeOf(claims?.auth_time) ?? null) : null
  requireFresh(remembered.max_age, auth_time)
  const session = { idp_session: sessionOf(claims?.sid), auth_time, id_token: answer.id_token, browser }
  const keep = (user: User) =>
    needs.keepGrant(connection, user, {
      idp_session: session.idp_session,
      // RFC 6749 §5.1: what was asked for, where the answer says nothing else.
      is_offline: (answer.scope ?? connection.scopes).split(' ').includes('offline_access'),
      resources: remembered.resources,
      refreshToken: answer.refresh_token,
      tokenEndpoint: client.tokenEndpoint
    })
  return finishSignIn(needs, { remembered, connection, person, keep, ...session })
}

/**
 * In characters; some IdPs put a whole session into it. One that a refresh brings is bounded by its answer alone (256
 * KiB): the one before it is worth nothing any more, so to refuse it would cost the grant.
 */
const refreshTokenMax = 16 * 1024

/** All that is said of a quirk to who signs in. */
const lacking =
  'The answer of the identity provider lacks something. If it goes on, an administrator finds more at the connection.'

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
