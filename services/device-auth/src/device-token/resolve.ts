import { principalTicket, type ResolvedPrincipal, type UserPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type SigningKey, signTicket } from '@onbehalf/rpc'
import { type Users, userOrNobody } from '../users/find.ts'
import { type ExpireTools, expireTokens } from './expire.ts'
import { kindOf } from './kinds.ts'
import type { HeldToken, TokenStore } from './store.ts'

export type ResolveTools = ExpireTools & {
  tokens: Pick<TokenStore, 'findByHash'>
  users: Pick<Users, 'find'>
  signingKey: () => SigningKey
  /** Hears of every use of a token. */
  onUse: (token: HeldToken) => void
}

/** One error for every way in which a token can be no good, so that nobody learns which tokens ever were. */
const invalid = () =>
  new ReportedError('invalid_bearer', 'The bearer token is not valid here. Sign in again to get a new one.')

/** Whose token has this hash, with a signed statement of it for the other services. */
export const resolveToken = async (token_hash: string, tools: ResolveTools): Promise<ResolvedPrincipal> => {
  const token = await tools.tokens.findByHash(token_hash)
  if (!token) throw invalid()
  if (token.is_expired) await expireTokens({ id: token.id }, tools)
  const principal = token.is_expired ? undefined : await principalOf(token, tools.users)
  if (!principal) throw invalid()
  const key = tools.signingKey()
  const { ticket } = await signTicket(principalTicket, principal, { issuer: 'device-auth', key })
  tools.onUse(token)
  return { principal, ticket, credential_expires_at: Math.floor(token.expires_at.getTime() / 1000) }
}

/** Nobody where the row does not fit together, or its person is no longer what a token of its kind is for. */
const principalOf = async (token: HeldToken, users: Pick<Users, 'find'>): Promise<UserPrincipal | undefined> => {
  const { id, tenant_id, user_id } = token
  const kind = kindOf(token)
  const found = kind && (await userOrNobody(users.find({ tenant_id, user_id })))
  if (!found || !kind.isFor(found.role)) return undefined
  return { kind: 'user', tenant_id, user_id, role: found.role, credential: { kind: 'device_token', id } }
}
