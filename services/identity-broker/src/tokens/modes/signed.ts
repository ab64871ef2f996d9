import { randomUUID } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'
import { signJwt } from '@onbehalf/rpc'
import type { User } from '../../database.ts'
import type { Issuers } from '../../issuer/issuers.ts'
import { lastIdentified } from '../../users/identified.ts'
import type { Mint, MintRequest } from './mode.ts'

type Needs = { issuers: Pick<Issuers, 'find'>; now?: () => number }

/** RFC 9068 §2.1: an access token, and nothing that we ourselves would take for a session or a ticket. */
export const signedType = 'at+jwt'
/** How long a token that is good for one call may take to get there. */
export const signedSeconds = 60

/**
 * Our own token for one call: it names the tenant as its issuer, the user, the server, and the tool with the digest of
 * its arguments. It needs no grant, only somebody who signed in once; when that was is said in it.
 */
export const createSignedMint =
  ({ issuers, now = Date.now }: Needs): Mint =>
  async (request) => {
    const { user } = request
    const identified_at = lastIdentified(user)
    if (!identified_at) throw neverSignedIn()
    const { issuer, keys } = await issuers.find(user.tenant_id)
    const iat = Math.floor(now() / 1000)
    const [jti, exp] = [randomUUID(), iat + signedSeconds]
    const auth_time = Math.floor(identified_at.getTime() / 1000)
    const claims = { iss: issuer, ...personOf(user), auth_time, ...purposeOf(request), jti, iat, exp }
    const token = signJwt(keys.signingKey(), signedType, claims)
    const from = { generation: null, grant_id: null, connection_id: user.connection_id }
    return { token, expires_at: exp, reusable: false, subject: user.id, jti, ...from }
  }

/** The subject is our id of the user: another tenant's user is another one, also where it is the same person. */
const personOf = ({ id, email, is_email_verified }: User) => ({
  sub: id,
  ...(email !== null && is_email_verified ? { email, email_verified: true } : {})
})

/** RFC 9068 §2.2 for `client_id` and `scope`; RFC 8693 §4.1 for `act`. */
const purposeOf = ({ app_id, provider: { audience, scopes }, call }: MintRequest) => ({
  aud: audience,
  client_id: app_id ?? 'onbehalf',
  ...(app_id === null ? {} : { act: { sub: app_id } }),
  ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
  ...bindingOf(call)
})

/** With `none`, a server that holds tokens against calls takes this one for no call at all. */
const bindingOf = (call: MintRequest['call']) => {
  if (call === 'any') return {}
  if (call === 'none') return { tool: null }
  // By name: what else the asker's message has is no claim of ours.
  return { tool: call.tool, arguments_digest: call.arguments_digest }
}

const neverSignedIn = () =>
  new ReportedError('no_refresh_token', 'Nobody signed in as this user yet. Please sign in at the connect_url.')
