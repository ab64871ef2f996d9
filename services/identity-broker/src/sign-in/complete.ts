import { ReportedError } from '@onbehalf/errors'
import { type AuthorizationResponseError, authorizationCodeGrant, type IDToken } from 'openid-client'
import type { FindClient } from '../connections/client.ts'
import type { ConnectionStore } from '../connections/store.ts'
import type { NewUser } from '../database.ts'
import type { StoreGrant } from '../grants/keep.ts'
import type { StartSession } from '../sessions/start.ts'
import type { UserStore } from '../users/store.ts'
import { callbackUrl } from './callback-url.ts'
import type { SignInStates } from './state.ts'

export type CompleteNeeds = {
  users: Pick<UserStore, 'upsert' | 'findTenant'>
  connections: Pick<ConnectionStore, 'find'>
  findClient: FindClient
  states: Pick<SignInStates, 'take'>
  keepGrant: StoreGrant
  startSession: StartSession
  publicUrl: string
}

/** What came back: at which path, with which query, in the browser that holds which cookie. */
export type Callback = { path: string; query: URLSearchParams; binding: string | undefined }

/**
 * Finishes a sign-in: the code is redeemed by the browser that began it, the person is who the IdP says, the refresh
 * token is stored, and only then there is a session. Throws `sign_in_failed`; then nothing was stored.
 */
export const completeSignIn = async (needs: CompleteNeeds, callback: Callback) => {
  const { query, binding } = callback
  const state = query.get('state')
  const taken = state && binding ? await needs.states.take(state, binding) : undefined
  if (!state || !taken) throw failed('This sign-in has ended, was used already, or began in another browser.')
  const { remembered, nonce, codeVerifier } = taken
  const connection = await needs.connections.find(remembered.tenant_id, remembered.connection_id)
  if (!connection || connection.revision !== remembered.revision)
    throw failed('The way to sign in was changed meanwhile.')
  const tenant = await needs.users.findTenant(connection.tenant_id)
  const expected = tenant && callbackUrl(needs.publicUrl, tenant, connection)
  if (!expected || expected !== `${needs.publicUrl}${callback.path}`)
    throw failed('The answer came back as that of another identity provider.')
  const client = await needs.findClient(connection)
  const answer = await authorizationCodeGrant(client.configuration, new URL(`${expected}?${query}`), {
    expectedState: state,
    expectedNonce: nonce,
    pkceCodeVerifier: codeVerifier,
    idTokenExpected: true
  }).catch((cause: unknown) => {
    throw failed(isRefusal(cause) ? `The identity provider refused: ${cause.error}.` : undefined, cause)
  })
  const claims = answer.claims()
  if (!claims) throw failed()
  const { tenant_id, id: connection_id } = connection
  const user = await needs.users.upsert({ tenant_id, connection_id }, personOf(claims))
  await needs.keepGrant(connection, user, {
    resources: remembered.resources,
    refreshToken: answer.refresh_token,
    tokenEndpoint: client.tokenEndpoint
  })
  return { ...(await needs.startSession(user)), return_to: remembered.return_to }
}

const isRefusal = (cause: unknown): cause is AuthorizationResponseError =>
  cause instanceof Error && cause.name === 'AuthorizationResponseError'

const failed = (why = 'The identity provider did not confirm who you are.', cause?: unknown) =>
  new ReportedError('sign_in_failed', `${why} Please sign in again.`, { cause })

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

const personOf = ({ sub, email, email_verified, name }: IDToken): NewUser => ({
  subject: sub,
  email: text(email),
  is_email_verified: email_verified === true,
  name: text(name)
})
