import { setTimeout as wait } from 'node:timers/promises'
import { untilAborted } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { listenMethod, type McpEvent, upstreamStatusOf } from '@onbehalf/mcp'
import { type CallToolTools, callTool } from '../calls/call-tool.ts'
import type { Recorder } from '../calls/recorder.ts'
import type { Peer } from '../calls/upstream.ts'
import type { SessionUse } from '../sessions/find.ts'
import type { Filter } from './filter.ts'

/** One who hears what a provider's server says of its own accord. */
export type Hearing = {
  use: SessionUse & { server_identifier: string }
  traceparent: string
  peer: Peer
  /** Asked for each time: what is wanted may change meanwhile. */
  filter: () => Promise<Filter>
  onEvent: (event: McpEvent) => void
  /** Counts each time that the server is asked. */
  spend: () => Promise<void> | undefined
  signal: AbortSignal
}

type Tools = CallToolTools & { recorder: Pick<Recorder, 'listening'> }

const pauseMsMin = 1_000
const pauseMsMax = 60_000

/**
 * Hears the server, as a call that takes as long as it is heard: with its record, and cancelled once it would no longer be
 * made. Where the server ends it, it is asked again; where it has nothing to say, no more before a restart. Never throws.
 */
export const hearServer = (tools: Tools, hearing: Hearing): { restart: () => void; done: Promise<void> } => {
  let restarted = new AbortController()
  const restart = () => restarted.abort(noLonger())
  const hear = async (): Promise<void> => {
    let pauseMs = pauseMsMin
    while (!hearing.signal.aborted) {
      restarted = new AbortController()
      const signal = AbortSignal.any([hearing.signal, restarted.signal])
      const beganAt = tools.now().getTime()
      const isOver = await hearOnce(tools, hearing, signal)
      if (restarted.signal.aborted) continue
      pauseMs = tools.now().getTime() - beganAt > pauseMsMax ? pauseMsMin : Math.min(pauseMs * 2, pauseMsMax)
      const end = isOver ? new Promise<never>(() => {}) : wait(pauseMs, undefined, { signal })
      await untilAborted(end, signal).catch(() => undefined)
    }
  }
  return { restart, done: hear() }
}

/** Leaves out the first time, which was counted before. */
export const afterTheFirst = (spend: Hearing['spend']): (() => Promise<void>) => {
  let isFirst = true
  return async () => {
    if (!isFirst) await spend()
    isFirst = false
  }
}

/** Why a server is no longer heard, as it is put on record. */
export const noLonger = () => new ReportedError('cancelled', 'Nobody listens to it any more.')

/** Whether there is nothing to hear. */
const hearOnce = async (tools: Tools, hearing: Hearing, signal: AbortSignal): Promise<boolean> => {
  const { caller, server_identifier, user_id } = hearing.use
  const refused = new AbortController()
  try {
    await hearing.spend()
    const params = { notifications: await hearing.filter() }
    const call = {
      ...{ server_identifier, tool: listenMethod, arguments: params, peer: hearing.peer },
      request: { method: listenMethod, params },
      ...(user_id !== undefined && { user_id })
    }
    await callTool({ ...tools, recorder: tools.recorder.listening }, call, {
      caller,
      signal: AbortSignal.any([signal, refused.signal]),
      cancel: (reason) => refused.abort(reason),
      traceparent: hearing.traceparent,
      onEvent: hearing.onEvent
    })
    return false
  } catch (thrown) {
    return isFinal(thrown)
  }
}

const passingCodes: ReadonlySet<string> = new Set(['cancelled', 'too_many_requests'])
const passing: ReadonlySet<number> = new Set([401, 408, 409, 425, 429])

/** The server has no such stream, or the caller may not hear it: asking again would change nothing. */
const isFinal = (thrown: unknown): boolean => {
  const status = upstreamStatusOf(thrown)
  if (status !== null) return status < 500 && !passing.has(status)
  return thrown instanceof ReportedError && thrown.status < 500 && !passingCodes.has(thrown.code)
}
