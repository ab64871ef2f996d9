import { createHash } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'
import { hashOf, type Log } from '@onbehalf/service-kit'
import type { Mint } from '../device-token/mint.ts'
import type { CodeStore, Flow, Polled } from './store.ts'

export type RedeemTools = { codes: Pick<CodeStore, 'poll' | 'putBack' | 'forgetUserCode'>; mint: Mint }

export type Redemption = {
  device_code: string
  client_id: string
  code_verifier?: string
  ip: string
  request_id: string
  log: Log
}

/** One poll of a device (RFC 8628 §3.4): the first one after the approval gets the token, every other one a reason. */
export const redeem = async (asked: Redemption, { codes, mint }: RedeemTools) => {
  const codeHash = hashOf(asked.device_code)
  const polled = await codes.poll(codeHash, asked.client_id, challengeOf(asked.code_verifier))
  if (!('flow' in polled)) throw refusals[polled.outcome]()
  const answer = await answerTo(polled, asked, mint).catch(async (error: unknown) => {
    if (isFinal(error)) throw error
    await putBack(codes, codeHash, polled)
    throw later(error)
  })
  // Left behind it leads nowhere, and ends by itself.
  await codes
    .forgetUserCode(polled.flow.user_code_hash)
    .catch((error: unknown) => asked.log.debug({ err: error }, 'a used code is still reserved'))
  return answer
}

type Decided = Extract<Polled, { flow: Flow }>

const answerTo = async ({ outcome, flow }: Decided, { ip, request_id }: Redemption, mint: Mint) => {
  const { tenant_id, user_id } = flow
  if (outcome === 'denied') throw denied()
  if (!tenant_id || !user_id) throw new Error('an approval without a person')
  return mint({ ...flow, tenant_id, user_id }, { ip, request_id })
}

// Twice, because an approval that is lost here is lost for its user.
const putBack = (codes: RedeemTools['codes'], codeHash: string, { flow, endsAtMs }: Decided): Promise<void> =>
  codes.putBack(codeHash, flow, endsAtMs).catch(() => codes.putBack(codeHash, flow, endsAtMs))

// S256 of RFC 7636 §4.6; a proof that nobody asked for does not hold either.
const challengeOf = (verifier: string | undefined): string =>
  verifier === undefined ? '' : createHash('sha256').update(verifier).digest('base64url')

const isFinal = (error: unknown): boolean => error instanceof ReportedError && error.code === 'access_denied'

const later = (cause: unknown) =>
  new ReportedError('unavailable', 'The token could not be made right now. Keep polling.', {
    cause,
    retry_after_seconds: 5
  })

const denied = () => new ReportedError('access_denied', 'The request was denied.')

const refusals = {
  unknown: () =>
    new ReportedError('expired_token', 'The device code is not known, has expired or was used. Start again.'),
  early: () => new ReportedError('slow_down', 'Wait 5 seconds longer between polls from now on.'),
  pending: () => new ReportedError('authorization_pending', 'Nobody has decided yet. Keep polling.')
}
