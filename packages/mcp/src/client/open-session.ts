import { discard } from './body.ts'
import { headerOf, malformed } from './errors.ts'
import { openEventChannel } from './event-channel.ts'
import { legacyHeaders } from './headers.ts'
import { notify } from './notify.ts'
import { type Answer, isJson, legacyVersions } from './protocol.ts'
import { requestLegacy } from './request-legacy.ts'
import type { Session } from './sessions.ts'
import type { Target, Wires } from './target.ts'

/** Thrown when the server does not know `initialize`, so that the era can be asked again. */
export class InitializeRefused extends Error {
  readonly answer: Answer

  constructor(answer: Answer) {
    super('initialize was refused')
    this.name = 'InitializeRefused'
    this.answer = answer
  }
}

/** 2025-03-26, backwards compatibility: whether a server that refused so may be one of HTTP+SSE. */
export const looksOlder = (answer: Answer): boolean =>
  answer.kind !== 'result' && (answer.status === 400 || answer.status === 404 || answer.status === 405)

/** A server may say at length how it is to be used; it lists its tools later. */
const greetingBytesMax = 256 * 1024

/** initialize, then notifications/initialized (2025-11-25, lifecycle). */
export const openSession = async (wires: Wires, target: Target): Promise<Session> => {
  const capabilities = target.onRequest ? target.capabilities : {}
  const params = { protocolVersion: legacyVersions[0], capabilities, clientInfo: wires.clientInfo }
  const limits = { ...wires.limits, answerBytesMax: Math.min(greetingBytesMax, wires.limits.answerBytesMax) }
  const answer = await requestLegacy({ ...wires, limits }, target, { method: 'initialize', params }, undefined)
  if (answer.kind !== 'result') throw new InitializeRefused(answer)
  const { protocolVersion, capabilities: offered } = answer.result
  if (typeof protocolVersion !== 'string' || !legacyVersions.includes(protocolVersion)) {
    throw malformed('it speaks no revision of MCP that we do')
  }
  const id = headerOf(answer.headers, 'mcp-session-id')
  // Only visible ASCII is allowed (2025-11-25, session management).
  if (id !== undefined && !/^[\x21-\x7e]{1,1024}$/.test(id)) throw malformed('its session id is not allowed')
  const session: Session = {
    ...{
      id,
      protocolVersion,
      tellsOfToolChanges: tellsOfToolChanges(offered),
      headers: target.headers,
      answering: new Set()
    },
    end: () => endSession(wires, target.url, session)
  }
  await notify(wires, target, session, { method: 'notifications/initialized' })
  return session
}

/** The same over HTTP+SSE (2024-11-05): the session is the stream. */
export const openEventSession = async (wires: Wires, target: Target): Promise<Session> => {
  const { send, close } = await openEventChannel(wires, target)
  try {
    const session = await openSession({ ...wires, send }, target)
    return { ...session, id: undefined, send, end: async () => close() }
  } catch (thrown) {
    close()
    throw thrown
  }
}

/** Whether a server says when its list of tools has changed; nothing else of its capabilities is kept. */
export const tellsOfToolChanges = (capabilities: unknown): boolean =>
  isJson(capabilities) && isJson(capabilities.tools) && capabilities.tools.listChanged === true

const endSession = async ({ send, limits }: Wires, url: string, session: Session): Promise<void> => {
  if (session.id === undefined) return
  const { 'content-type': _, ...headers } = legacyHeaders(session.headers, session)
  const { body } = await send(url, {
    method: 'DELETE',
    headers,
    signal: AbortSignal.timeout(limits.cleanUpMs),
    headersTimeoutMs: limits.cleanUpMs,
    bodyTimeoutMs: limits.cleanUpMs
  })
  await discard(body, limits.refusalBytesMax)
}
