import { Ending } from '@onbehalf/egress'
import type { Background } from './background.ts'
import type { Clock, Deadline } from './deadline.ts'
import type { HeldBudget } from './held-budget.ts'
import type { McpLimits } from './limits.ts'
import { openedBy, sendOff } from './open.ts'
import type { Answer, Json, OnHeld, Pass, Send } from './protocol.ts'
import { readJson, readRefusal } from './read-answer.ts'
import { readStream } from './read-stream.ts'

/** What every exchange of a client shares. */
export type Tools = { send: Send; limits: McpLimits; background: Background; budget: HeldBudget; clock: Clock }

/** One request on its way: where to, how long, and who hears what comes before the answer. */
export type Exchange = {
  url: string
  /** Whose answer it is, where it is held. */
  holder: string
  headers: Record<string, string>
  id: number
  body: string
  deadline: Deadline
  timeoutMs: number
  sseReadTimeoutMs: number
  /** Of an event before it is complete, in characters; unset: only the whole stream is bounded. */
  messageLengthMax?: number | undefined
  /** A notification or request of the server, on our stream. */
  onMessage: (message: Json & { method: string }) => void
  /** Who takes a large result as it comes; unset: it is held. */
  pass?: Pass | undefined
  /** Who tells when a large answer that is held is not any more; unset: as soon as it is read. */
  onHeld?: OnHeld | undefined
  /** Whether a stream that ends early is taken up again with Last-Event-ID (2025-11-25, resumability). */
  isResumable: boolean
}

/** Posts one JSON-RPC request and reads until its answer. Throws for 401, missing scope, silence and nonsense. */
export const exchange = async (tools: Tools, request: Exchange): Promise<Answer> => {
  const { headers, body: text } = request
  try {
    const ending = new Ending(request.deadline.signal)
    const opened = openedBy(
      await sendOff(tools, request, { method: 'POST', headers, body: text }, ending),
      ending,
      tools,
      request
    )
    const isAccepted = opened.status >= 200 && opened.status < 300
    if (isAccepted && opened.mediaType === 'text/event-stream') return await readStream(tools, request, opened)
    try {
      if (!isAccepted) return await readRefusal(opened, tools.limits)
      if (opened.mediaType === 'application/json') return await readJson(opened, request, tools.limits)
      return { kind: 'refused', status: opened.status, headers: opened.headers }
    } finally {
      opened.body.release()
    }
  } catch (thrown) {
    throw request.deadline.explain(thrown)
  }
}
