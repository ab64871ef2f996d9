import type { Connection, Grant } from '../../database.ts'
import type { Asked, ExchangeAtIdp, Exchanged } from '../../exchange/exchange.ts'
import type { Want } from '../../grants/refresh/minted-token.ts'
import type { TokenStore } from '../../grants/refresh/token-store.ts'
import { type MintRequest, remintSeconds } from './mode.ts'
import type { Obtain } from './obtain.ts'

type Needs = { exchange: ExchangeAtIdp; obtain: Obtain; tokens: Pick<TokenStore, 'dropRejected'> }

/** `subject` is what of the grant is exchanged. */
type Wanted = Omit<Asked, 'subject_token'> & { subject: Want }

export type ExchangeSubject = (
  grant: Grant,
  wanted: Wanted,
  request: MintRequest
) => Promise<{ connection: Connection; body: unknown }>

/** RFC 8693 §2.2.2: also said of a subject token that does not hold. */
const subjectErrors: ReadonlySet<string> = new Set(['invalid_request', 'invalid_grant', 'invalid_token'])

/**
 * Exchanges what is kept of a grant, or what a refresh brings. The IdP may have ended what is kept; then it is fetched
 * anew, at most once a minute, and exchanged once more.
 */
export const createExchangeSubject =
  ({ exchange, obtain, tokens }: Needs): ExchangeSubject =>
  async (grant, { subject, ...asked }, request) => {
    const first = await obtain(grant, subject, request)
    const answer = await exchange(grant, { ...asked, subject_token: first.token }, request.deadlineAt)
    if (!answer.refusal || !subjectErrors.has(answer.error ?? '')) return accepted(answer)
    await tokens.dropRejected(grant.id, subject, { hash: first.token_hash, ageSeconds: remintSeconds })
    const next = await obtain(grant, subject, request)
    if (next.token_hash === first.token_hash) return accepted(answer)
    return accepted(await exchange(grant, { ...asked, subject_token: next.token }, request.deadlineAt))
  }

const accepted = (answer: Exchanged) => {
  if (answer.refusal) throw answer.refusal
  return answer
}
