import { createHash, randomBytes } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'
import type { Log } from '@onbehalf/service-kit'
import type { Mint, Minted } from '../device-token/mint.ts'
import { hashDeviceCode } from './device-code.ts'
import type { CodeStore, Flow } from './store.ts'

export type RedeemTools = { codes: Pick<CodeStore, 'poll' | 'spend' | 'putBack' | 'forgetUserCode'>; mint: Mint }

export type Redemption = {
  device_code: string
  client_id: string
  code_verifier?: string
  ip: string
  request_id: string
  log: Pick<Log, 'debug' | 'warn'>
}

/** One poll of a device (RFC 8628 §3.4): the first one after the approval gets the token, every other one a reason. */
export const redeem = async (asked: Redemption, tools: RedeemTools): Promise<Minted> => {
  const { client_id, device_code, log } = asked
  const taken: Taken = { codeHash: hashDeviceCode(device_code), marker: randomBytes(9).toString('base64url') }
  const polled = await tools.codes.poll({ ...taken, client_id, challenge: challengeOf(asked.code_verifier) })
  if (!('flow' in polled)) throw refusals[polled.outcome]()
  if (polled.outcome === 'denied') throw denied()
  const minted = await mintFor(polled.flow, taken, asked, tools)
  // Handed out only once nobody else can take it any more.
  if (!(await tools.codes.spend(taken.codeHash, taken.marker))) throw later(new Error('taken by another poll'))
  // Left behind it leads nowhere, and ends by itself.
  await tools.codes
    .forgetUserCode(polled.flow.user_code_hash)
    .catch((error: unknown) => log.debug({ err: error }, 'a used code is still reserved'))
  return minted
}

type Taken = { codeHash: string; marker: string }

const mintFor = async (
  { tenant_id, user_id, ...flow }: Flow,
  { codeHash, marker }: Taken,
  { ip, request_id, log }: Redemption,
  { codes, mint }: RedeemTools
): Promise<Minted> => {
  if (!tenant_id || !user_id) throw new Error('an approval without a person')
  try {
    return await mint({ ...flow, tenant_id, user_id }, { ip, request_id })
  } catch (error) {
    if (isFinal(error)) await codes.spend(codeHash, marker)
    // The lease ends by itself, should this fail too.
    else await codes.putBack(codeHash, marker).catch((err: unknown) => log.warn({ err }, 'an approval waits longer'))
    throw isFinal(error) ? error : later(error)
  }
}

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
