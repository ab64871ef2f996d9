import type { CodeStore, Flow } from './store.ts'
import { hashUserCode, readUserCode } from './user-code.ts'

export type FindTools = { codes: Pick<CodeStore, 'findByUserCode' | 'read'>; userCodeKey: string }

export type FoundFlow = { user_code: string; codeHash: string; flow: Flow; leftMs: number }

/** The flow that a typed code belongs to, decided or not; undefined for one that is unknown, expired or used. */
export const findFlow = async (typed: string, { codes, userCodeKey }: FindTools): Promise<FoundFlow | undefined> => {
  const user_code = readUserCode(typed)
  const codeHash = user_code && (await codes.findByUserCode(hashUserCode(user_code, userCodeKey)))
  if (!user_code || !codeHash) return undefined
  const held = await codes.read(codeHash)
  return held && { user_code, codeHash, ...held }
}

/** What may be said of a code that waits for its user. */
export const describeFlow = ({ flow, leftMs }: FoundFlow) => ({
  valid: true,
  expires_in_remaining: Math.ceil(leftMs / 1000),
  client_id: flow.client_id,
  device_label: flow.device_label,
  created_ip: flow.created_ip,
  created_at: new Date(Number(flow.created_at)).toISOString()
})
