import { type CallBinding, principalTicket, providerTicket } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type FindKey, verifyTicket } from '@onbehalf/rpc'
import type { UserStore } from '../users/store.ts'
import { connectUrl } from './connect-url.ts'
import { type Modes, mintOf } from './modes/mode.ts'

type Needs = { findTicketKey: FindKey; users: Pick<UserStore, 'find'>; modes: Modes; publicUrl: string }
type Asked = { principal: string; provider: string; call?: CallBinding; rejected_token_hash?: string }

/** Mints for who the principal ticket names, for what the provider ticket names, and believes nothing else. */
export const createIssue =
  ({ findTicketKey, users, modes, publicUrl }: Needs) =>
  async ({ principal, provider, call, rejected_token_hash }: Asked, { deadlineAt }: { deadlineAt: number }) => {
    const [who, what] = await Promise.all([
      verifyTicket(principalTicket, principal, { findKey: findTicketKey }),
      verifyTicket(providerTicket, provider, { findKey: findTicketKey })
    ])
    if (who.tenant_id !== what.tenant_id)
      throw new ReportedError('policy_denied', 'The two tickets are of different tenants.')
    if (!who.user_id) throw new ReportedError('user_required', 'Say which user to act for: give user_id.')
    const mint = mintOf(modes, what.mode)
    const url = connectUrl(publicUrl, who.tenant_id, what)
    const user = await users.find(who.tenant_id, who.user_id)
    if (!user) throw new ReportedError('no_refresh_token', 'Nobody signed in as this user yet.', { connect_url: url })
    const minted = await mint({
      user,
      app_id: who.kind === 'app' ? who.app_id : null,
      provider: what,
      call,
      rejectedTokenHash: rejected_token_hash,
      connectUrl: url,
      deadlineAt
    })
    const { token, expires_at, reusable, ...named } = minted
    const identity = { mode: what.mode, user_id: user.id, audience: what.audience, ...named }
    return { token, expires_at, reusable, identity }
  }
