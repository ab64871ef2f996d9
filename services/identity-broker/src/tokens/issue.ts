import { type CallBinding, type Principal, principalTicket, providerTicket } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { createTicketReader, type FindKey } from '@onbehalf/rpc'
import { connectUrl } from './connect-url.ts'
import type { MintAsk, MintToken } from './mint.ts'

type Needs = { findTicketKey: FindKey; mint: MintToken; publicUrl: string }
type Asked = { principal: string; provider: string; call?: CallBinding; rejected_token_hash?: string }

/** Who asks, and the app that is the token's `act`. */
const actorOf = (who: Principal, user_id: string): Pick<MintAsk, 'app_id' | 'actor'> =>
  who.kind === 'app'
    ? { app_id: who.app_id, actor: { kind: 'app', id: who.app_id } }
    : { app_id: null, actor: { kind: 'user', id: user_id } }

/** Mints for who the principal ticket names, for what the provider ticket names, and believes nothing else. */
export const createIssue = ({ findTicketKey: findKey, mint, publicUrl }: Needs) => {
  const readPrincipal = createTicketReader(principalTicket, { findKey })
  const readProvider = createTicketReader(providerTicket, { findKey })
  return async ({ principal, provider, call, rejected_token_hash }: Asked, { deadlineAt }: { deadlineAt: number }) => {
    const [who, what] = await Promise.all([readPrincipal(principal), readProvider(provider)])
    const { tenant_id, user_id } = who
    if (tenant_id !== what.tenant_id)
      throw new ReportedError('policy_denied', 'The two tickets are of different tenants.')
    if (!user_id) throw new ReportedError('user_required', 'Say which user to act for: give user_id.')
    const {
      token,
      expires_at,
      reusable,
      generation: _,
      ...named
    } = await mint({
      ...{ tenant_id, user_id, mode: what.mode, provider: what, call: call ?? ('none' as const), deadlineAt },
      ...actorOf(who, user_id),
      rejectedTokenHash: rejected_token_hash,
      connectUrl: connectUrl(publicUrl, tenant_id, what)
    })
    const identity = { mode: what.mode, user_id, audience: what.audience, ...named }
    return { token, expires_at, reusable, identity }
  }
}
