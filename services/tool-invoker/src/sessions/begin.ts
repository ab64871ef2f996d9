import { randomBytes } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'
import type { Json } from '@onbehalf/mcp'
import { ownerOf, type SessionUse } from './find.ts'
import type { SessionStore } from './store.ts'

const capabilitiesLengthMax = 16 * 1024

/** Begins a session for a client that has told what it can do; its id. Throws `too_many_requests`. */
export const beginSession = async (
  { sessions, now }: { sessions: Pick<SessionStore, 'begin'>; now: () => Date },
  use: SessionUse,
  capabilities: Json
): Promise<string> => {
  const id = randomBytes(24).toString('base64url')
  const isBounded = JSON.stringify(capabilities).length <= capabilitiesLengthMax
  if (await sessions.begin(id, ownerOf(use), isBounded ? capabilities : {}, now())) return id
  throw tooMany()
}

const tooMany = () =>
  new ReportedError('too_many_requests', 'Too many sessions are open here. End those that are over (DELETE) first.', {
    retry_after_seconds: 60
  })
