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

const text = Symbol('as whom a server is called with it')

/**
 * As whom the MCP server was called, as JSON; never the token. A token is held for many calls, and keeps what is said of
 * it: every garbage collection works through a WeakMap of all of them.
 */
const identityText = (minted: MintedToken & { [text]?: string }): string => {
  const known = minted[text]
  if (known !== undefined) return known
  const { mode, user_id, subject, audience, jti } = minted.identity
  const expires_at = new Date(minted.expires_at * 1000).toISOString()
  const value = JSON.stringify({ mode, user_id, subject, audience, expires_at, jti })
  // Of this token alone: a copy of it may be changed.
  Object.defineProperty(minted, text, { value })
  return value
}
