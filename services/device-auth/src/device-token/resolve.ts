import { principalTicket, type ResolvedPrincipal, type UserPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type SigningKey, signTicket } from '@onbehalf/rpc'
import { memberOrNobody, type Users } from '../users/find.ts'
import type { LiveToken, TokenStore } from './store.ts'

export type ResolveTools = {
  tokens: Pick<TokenStore, 'findLive'>
  users: Pick<Users, 'find'>
  signingKey: () => SigningKey
  /** Hears of every use of a token. */
  onUse: (token: LiveToken) => void
}

/** One error for every way in which a token can be no good, so that nobody learns which tokens ever were. */
const invalid = () =>
  new ReportedError('invalid_bearer', 'The bearer token is not valid here. Sign in again to get a new one.')

/** Whose token has this hash, with a signed statement of it for the other services. */
export const resolveToken = async (
  token_hash: string,
  { tokens, users, signingKey, onUse }: ResolveTools
): Promise<ResolvedPrincipal> => {
  const token = await tokens.findLive(token_hash)
  if (!token) throw invalid()
  const member = await memberOrNobody(users.find(token))
  if (!member) throw invalid()
  const principal: UserPrincipal = {
    kind: 'user',
    tenant_id: token.tenant_id,
    user_id: token.user_id,
    role: member.role,
    credential: { kind: 'device_token', id: token.id }
  }
  const { ticket } = await signTicket(principalTicket, principal, { issuer: 'device-auth', key: signingKey() })
  onUse(token)
  return { principal, ticket, credential_expires_at: Math.floor(token.expires_at.getTime() / 1000) }
}
