import { randomBytes } from 'node:crypto'
import type { Json } from '@onbehalf/mcp'
import { ownerOf, type SessionUse } from './find.ts'
import type { SessionStore } from './store.ts'

const capabilitiesLengthMax = 16 * 1024

/** Begins a session for a client that has told what it can do; its id, or undefined where there are too many. */
export const beginSession = async (
  { sessions, now }: { sessions: Pick<SessionStore, 'begin'>; now: () => Date },
  use: SessionUse,
  capabilities: Json
): Promise<string | undefined> => {
  const id = randomBytes(24).toString('base64url')
  const isBounded = JSON.stringify(capabilities).length <= capabilitiesLengthMax
  const isBegun = await sessions.begin(id, ownerOf(use), isBounded ? capabilities : {}, now())
  return isBegun ? id : undefined
}
