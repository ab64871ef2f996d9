import {
  type CallBinding,
  issueToken,
  type Principal,
  type ProviderStatement,
  principalTicket,
  providerTicket
} from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { createTicketReader, type FindKey, type WrittenReply, writeReply } from '@onbehalf/rpc'
import type { ConnectAsk, ConnectUrl } from '../connect/link.ts'
import type { MintAsk, MintToken } from './mint.ts'
import { type Minted, mintModeOf } from './modes/mode.ts'
import { withConnectUrl } from './with-connect-url.ts'

type Needs = { findTicketKey: FindKey; mint: MintToken; connectUrl: ConnectUrl }
type Asked = { principal: string; provider: string; call?: CallBinding; rejected_token_hash?: string }

/** Who asks, and the app that is the token's `act`. */
const actorOf = (who: Principal, user_id: string): Pick<MintAsk, 'app_id' | 'actor'> =>
  who.kind === 'app'
    ? { app_id: who.app_id, actor: { kind: 'app', id: who.app_id } }
    : { app_id: null, actor: { kind: 'user', id: user_id } }

const askOf = (who: Principal, user_id: string, { audience, server_identifier }: ProviderStatement): ConnectAsk => ({
  ...{ tenant_id: who.tenant_id, user_id, server: { audience, server_identifier } },
  ...(who.kind === 'app' ? { app_id: who.app_id } : {})
})

type About = { mode: string; user_id: string; audience: string }

const replyOf = ({ token, expires_at, reusable, generation: _, ...named }: Minted, about: About) => ({
  ...{ token, expires_at, reusable },
  identity: { ...about, ...named }
})

const answered = Symbol('as what it was answered')
type Answered = Minted & { [answered]?: WrittenReply<typeof issueToken.reply> | 'once' }

/**
 * What is kept is kept for one user, server and mode: the reply of what is asked for again is checked and written once, and
 * kept with it. Most is asked for once, by a tool-invoker that keeps it too.
 */
const replyWith = (minted: Answered, about: About) => {
  if (!minted.reusable) return replyOf(minted, about)
  const known = minted[answered]
  if (known !== undefined && known !== 'once') return known
  const reply = known === 'once' ? writeReply(issueToken, replyOf(minted, about)) : 'once'
  // Of this token alone: a copy of it may be changed.
  Object.defineProperty(minted, answered, { value: reply, writable: true })
  return reply === 'once' ? replyOf(minted, about) : reply
}

/** Mints for who the principal ticket names, for what the provider ticket names, and believes nothing else. */
export const createIssue = ({ findTicketKey: findKey, mint, connectUrl }: Needs) => {
  const readPrincipal = createTicketReader(principalTicket, { findKey })
  const readProvider = createTicketReader(providerTicket, { findKey })
  return async ({ principal, provider, call, rejected_token_hash }: Asked, { deadlineAt }: { deadlineAt: number }) => {
    const [who, what] = await Promise.all([readPrincipal(principal), readProvider(provider)])
    const { tenant_id, user_id } = who
    if (tenant_id !== what.tenant_id)
      throw new ReportedError('policy_denied', 'The two tickets are of different tenants.')
    if (!user_id) throw new ReportedError('user_required', 'Say which user to act for: give user_id.')
    const minted = await mint({
      ...{ tenant_id, user_id, mode: mintModeOf(what), provider: what, call: call ?? ('none' as const), deadlineAt },
      ...actorOf(who, user_id),
      rejectedTokenHash: rejected_token_hash
    }).catch((error: unknown) => {
      throw withConnectUrl(error, () => connectUrl(askOf(who, user_id, what)))
    })
    return replyWith(minted, { mode: what.mode, user_id, audience: what.audience })
  }
}
