import type { Guesses } from '../limits/guesses.ts'
import type { CodeStore, Flow } from './store.ts'
import { hashUserCode, readUserCode } from './user-code.ts'

export type FindTools = {
  codes: Pick<CodeStore, 'findByUserCode' | 'read'>
  guesses: Pick<Guesses, 'add'>
  userCodeKey: string
}

export type FoundFlow = { user_code: string; codeHash: string; flow: Flow; leftMs: number }

/** The flow that a typed code belongs to, decided or not; undefined for one that is unknown, expired or used. */
export const findFlow = async (typed: string, tools: FindTools): Promise<FoundFlow | undefined> => {
  const user_code = readUserCode(typed)
  if (!user_code) return undefined
  const userCodeHash = hashUserCode(user_code, tools.userCodeKey)
  const found = await findByHash(userCodeHash, tools.codes)
  if (!found) await tools.guesses.add(userCodeHash)
  return found && { user_code, ...found }
}

/** As `findFlow`, by what is kept of a code; such a one was found before. */
export const findByHash = async (userCodeHash: string, codes: FindTools['codes']) => {
  const codeHash = await codes.findByUserCode(userCodeHash)
  const held = codeHash ? await codes.read(codeHash) : undefined
  return codeHash && held ? { codeHash, ...held } : undefined
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
