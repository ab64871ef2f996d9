import { principalTicket, providerTicket } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type FindKey, verifyTicket } from '@onbehalf/rpc'
import type { UserStore } from '../users/store.ts'
import { connectUrl } from './connect-url.ts'
import type { Mint } from './modes/mode.ts'

export type Modes = Readonly<Record<'idp_token', Mint>>

type Needs = { findTicketKey: FindKey; users: Pick<UserStore, 'find'>; modes: Modes; publicUrl: string }
type Asked = { principal: string; provider: string; rejected_token_hash?: string }

/** Mints for who the principal ticket names, for what the provider ticket names, and believes nothing else. */
export const createIssue =
  ({ findTicketKey, users, modes, publicUrl }: Needs) =>
  async ({ principal, provider, rejected_token_hash }: Asked, { deadlineAt }: { deadlineAt: number }) => {
    const [who, what] = await Promise.all([
      verifyTicket(principalTicket, principal, { findKey: findTicketKey }),
      verifyTicket(providerTicket, provider, { findKey: findTicketKey })
    ])
    if (who.tenant_id !== what.tenant_id)
      throw new ReportedError('policy_denied', 'The two tickets are of different tenants.')
    if (!who.user_id) throw new ReportedError('user_required', 'Say which user to act for: give user_id.')
    if (what.mode === 'off') throw new ReportedError('policy_denied', 'This server gets no identity: its mode is off.')
    const url = connectUrl(publicUrl, who.tenant_id, what.server_identifier)
    const user = await users.find(who.tenant_id, who.user_id)
    if (!user) throw new ReportedError('no_refresh_token', 'Nobody signed in as this user yet.', { connect_url: url })
    const minted = await modes[what.mode]({
      user,
      audience: what.audience,
      scopes: what.scopes.join(' '),
      rejectedTokenHash: rejected_token_hash,
      connectUrl: url,
      deadlineAt
    })
    const { token, expires_at, reusable, jti, grant_id, connection_id } = minted
    const { id: user_id, subject } = user
    const identity = { mode: what.mode, user_id, subject, audience: what.audience, jti, grant_id, connection_id }
    return { token, expires_at, reusable, identity }
  }
