import { createHash } from 'node:crypto'
import { untilAborted } from '@onbehalf/egress'
import { type CalledTool, UpstreamInsufficientScope, UpstreamUnauthorized } from '@onbehalf/mcp'
import { type Outbound, type Sending, sendWith } from '../calls/upstream.ts'
import type { CredentialAsk, Credentials, Held, Refused } from './cache.ts'

type Tools = Sending & { credentials: Pick<Credentials, 'replace'> }

/** What a call is made with, and how something else is asked for. */
export type WithCredential = { ask: CredentialAsk; held: Held }

/**
 * Calls with what the server's own authorization server gave. What it refuses is told to mcp-provider, which has another
 * token, or says where a person gets one; the call is repeated once, if nothing but a 401 was received.
 */
export const callWithCredential = async (
  tools: Tools,
  outbound: Outbound,
  { ask, held }: WithCredential
): Promise<CalledTool> => {
  try {
    return await sendWith(tools, outbound, held)
  } catch (thrown) {
    const refused = refusedWith(thrown, held)
    if (!refused) throw thrown
    const next = await untilAborted(tools.credentials.replace(ask, refused), outbound.signal)
    const isAnother = next !== null && next.token !== held?.token
    if (!isAnother || !(thrown instanceof UpstreamUnauthorized && thrown.isOnlyAnswer)) throw thrown
    return sendWith(tools, outbound, next)
  }
}

const challengeLengthMax = 4_096

const refusedWith = (thrown: unknown, held: Held): Refused | undefined => {
  const token = held ? { token_hash: createHash('sha256').update(held.token).digest('base64url') } : {}
  if (thrown instanceof UpstreamUnauthorized) {
    const { wwwAuthenticate: challenge } = thrown
    return { status: 401, ...(challenge ? { challenge: challenge.slice(0, challengeLengthMax) } : {}), ...token }
  }
  // Without a credential there is nothing to ask more rights for.
  if (!(thrown instanceof UpstreamInsufficientScope) || !held) return undefined
  return { status: 403, challenge: thrown.wwwAuthenticate.slice(0, challengeLengthMax), ...token }
}
