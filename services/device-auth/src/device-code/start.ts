import { ReportedError } from '@onbehalf/errors'
import type { Budgets } from '../limits/budgets.ts'
import { hashDeviceCode, makeDeviceCode } from './device-code.ts'
import { intervalSeconds } from './scripts.ts'
import type { CodeStore, Flow } from './store.ts'
import { hashUserCode } from './user-code.ts'

export const lifetimeSeconds = 900
const allocationsMax = 5

export type StartTools = {
  codes: Pick<CodeStore, 'reserve' | 'create'>
  budgets: Pick<Budgets, 'clientCode'>
  clientIds: readonly string[]
  userCodeKey: string
  publicUrl: string
  makeUserCode: () => string
}

export type Start = {
  client_id: string
  device_label?: string
  code_challenge?: string
  tenant?: string
  ip: string
}

/** Begins a flow (RFC 8628 §3.2): a secret for the device, and a short code for its user to type. */
export const start = async (asked: Start, tools: StartTools) => {
  const { codes, budgets, clientIds, userCodeKey, publicUrl } = tools
  if (!clientIds.includes(asked.client_id))
    throw new ReportedError('unsupported_client', 'This client_id may not sign devices in here. Check its spelling.')
  await budgets.clientCode(asked.client_id)
  const device_code = makeDeviceCode()
  const codeHash = hashDeviceCode(device_code)
  const user_code = await allocate(codeHash, tools)
  await codes.create(codeHash, flowOf(asked, hashUserCode(user_code, userCodeKey)), lifetimeSeconds)
  const verification_uri = `${publicUrl}/device`
  return {
    device_code,
    user_code,
    verification_uri,
    verification_uri_complete: `${verification_uri}?user_code=${user_code}`,
    expires_in: lifetimeSeconds,
    interval: intervalSeconds
  }
}

const allocate = async (codeHash: string, { codes, userCodeKey, makeUserCode }: StartTools): Promise<string> => {
  for (let attempt = 0; attempt < allocationsMax; attempt += 1) {
    const code = makeUserCode()
    if (await codes.reserve(hashUserCode(code, userCodeKey), codeHash, lifetimeSeconds)) return code
  }
  throw new ReportedError('user_code_exhausted', 'No free code was found. Try again shortly.', {
    retry_after_seconds: 5
  })
}

const flowOf = ({ client_id, device_label, code_challenge, tenant, ip }: Start, user_code_hash: string): Flow => ({
  status: 'pending',
  client_id,
  device_label: device_label ?? 'unknown device',
  user_code_hash,
  created_ip: ip,
  created_at: String(Date.now()),
  ...(code_challenge === undefined ? {} : { code_challenge }),
  ...(tenant === undefined ? {} : { tenant_hint: tenant })
})
