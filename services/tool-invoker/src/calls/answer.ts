import type { MintedToken } from '@onbehalf/mcp'
import type { AnsweredCall } from './call-tool.ts'
import { usageOf } from './usage.ts'

/** How the answer to a call begins, up to its result. */
export const answerBeginning = (callId: string): string => `{"call_id":"${callId}","result":`

/** The answer to a call as JSON, with the server's result in the server's own words; where that was passed on, the rest. */
export const answerText = ({ row, result, resultText, isPassed, minted }: AnsweredCall): string => {
  const usage = usageOf(result)
  const duration_ms = row.finished_at.getTime() - row.started_at.getTime()
  const rest = { ...(usage && { usage }), identity: minted && identityOf(minted), duration_ms }
  return `${isPassed ? '' : answerBeginning(row.id)}${resultText},${JSON.stringify(rest).slice(1)}`
}

/** As whom the MCP server was called; never the token. */
const identityOf = ({ identity, expires_at }: MintedToken) => {
  const { mode, user_id, subject, audience, jti } = identity
  return { mode, user_id, subject, audience, expires_at: new Date(expires_at * 1000).toISOString(), jti }
}
