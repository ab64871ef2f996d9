import type { MintedToken } from '@onbehalf/mcp'
import type { AnsweredCall } from './call-tool.ts'
import { usageOf } from './usage.ts'

/** How the answer to a call begins, up to its result. */
export const answerBeginning = (callId: string): string => `{"call_id":"${callId}","result":`

/** The answer to a call as JSON, with the server's result in the server's own words; where that was passed on, the rest. */
export const answerText = ({ row, result, resultText, isPassed, minted }: AnsweredCall): string => {
  const usage = usageOf(result)
  const duration_ms = row.finished_at.getTime() - row.started_at.getTime()
  const told = usage ? `"usage":${JSON.stringify(usage)},` : ''
  const identity = minted ? identityText(minted) : 'null'
  return `${isPassed ? '' : answerBeginning(row.id)}${resultText},${told}"identity":${identity},"duration_ms":${duration_ms}}`
}

// A token is held for many calls.
const identities = new WeakMap<MintedToken, string>()

/** As whom the MCP server was called, as JSON; never the token. */
const identityText = (minted: MintedToken): string => {
  const known = identities.get(minted)
  if (known !== undefined) return known
  const { mode, user_id, subject, audience, jti } = minted.identity
  const expires_at = new Date(minted.expires_at * 1000).toISOString()
  const made = JSON.stringify({ mode, user_id, subject, audience, expires_at, jti })
  identities.set(minted, made)
  return made
}
