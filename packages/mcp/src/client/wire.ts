import type { Deadline } from './deadline.ts'
import { startDeadline } from './deadline.ts'
import { refusal, serverError } from './errors.ts'
import { exchange, type Tools } from './exchange.ts'
import { encodeHeaderValue } from './headers.ts'
import {
  type Answer,
  type ClientInfo,
  isJson,
  type Json,
  type McpEvent,
  metaKeys,
  methodNotFoundCode,
  type RpcOutcome,
  type ServerRequest
} from './protocol.ts'
import type { Session } from './sessions.ts'

/** Where a caller's requests go, with what, and how long they may take. */
export type Target = {
  url: string
  /** The caller's, lower-case. */
  headers: Record<string, string>
  timeoutMs: number
  sseReadTimeoutMs: number
  /** Of an event before it is complete, in characters; unset: only the whole stream is bounded. */
  messageLengthMax?: number
  deadline: Deadline
  onEvent: ((event: McpEvent) => void) | undefined
  /** The notifications that `onEvent` hears; unset: of progress and log messages. */
  hears?: ReadonlySet<string>
  /** Whether the server is asked to tell how it goes. */
  wantsEvents: boolean
  /** What the server may ask of whoever this is for (2026-07-28). */
  capabilities: Json
  /** Answers what the server asks of them; left out, it may ask nothing. */
  onRequest?: ((request: ServerRequest) => Promise<RpcOutcome>) | undefined
  logLevel?: string | undefined
}

/** A request before it has an id and an era. */
export type Request = {
  method: string
  name?: string
  params: Json
  /** Arguments that are repeated as headers (2026-07-28), by lower-case name. */
  headers?: Record<string, string>
}

/** What a client's requests share. */
export type Wires = Tools & { clientInfo: ClientInfo; nextId: () => number }

const accept = 'application/json, text/event-stream'
const told: ReadonlySet<string> = new Set(['notifications/progress', 'notifications/message'])
/** What is told to who listens to a server. */
export const toldToListeners: ReadonlySet<string> = new Set([
  ...['notifications/message', 'notifications/resources/updated'],
  ...['tools', 'prompts', 'resources'].map((list) => `notifications/${list}/list_changed`)
])

/** One request in a revision without sessions, describing itself (2026-07-28). */
export const requestModern = (wires: Wires, target: Target, request: Request, version: string): Promise<Answer> => {
  const id = wires.nextId()
  const meta = {
    ...(isJson(request.params._meta) && request.params._meta),
    [metaKeys.protocolVersion]: version,
    [metaKeys.clientCapabilities]: target.capabilities,
    [metaKeys.clientInfo]: wires.clientInfo,
    ...(target.wantsEvents && { progressToken: id, [metaKeys.logLevel]: target.logLevel ?? 'info' })
  }
  const headers: Record<string, string> = {
    ...target.headers,
    ...request.headers,
    accept,
    'content-type': 'application/json',
    'mcp-protocol-version': version,
    'mcp-method': request.method
  }
  if (request.name !== undefined) headers['mcp-name'] = encodeHeaderValue(request.name)
  const body = { jsonrpc: '2.0', id, method: request.method, params: { ...request.params, _meta: meta } }
  return exchange(wires, {
    ...target,
    headers,
    id,
    body: JSON.stringify(body),
    isResumable: false,
    onMessage: ({ method, params }) => tell(target, method, params)
  })
}

/** One request of a session that began with `initialize` (2025-11-25 and older), or that request itself. */
export const requestLegacy = async (
  given: Wires,
  target: Target,
  { method, params }: Request,
  session: Session | undefined
): Promise<Answer> => {
  const wires = session?.send ? { ...given, send: session.send } : given
  if (session) session.headers = target.headers
  if (session) await setLevel(given, target, session)
  const id = wires.nextId()
  const own = isJson(params._meta) ? params._meta : undefined
  const meta = target.wantsEvents && session ? { _meta: { ...own, progressToken: id } } : undefined
  const answer = exchange(wires, {
    ...target,
    headers: legacyHeaders(target, session),
    id,
    body: JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, ...meta } }),
    isResumable: session !== undefined,
    onMessage: hearOn(wires, target, session)
  })
  try {
    return await answer
  } catch (thrown) {
    if (session && target.deadline.signal.aborted) cancel(wires, target, session, id)
    throw thrown
  }
}

/** Posts something that has no answer: a notification, or a reply to the server. */
export const notify = async (
  { send, limits }: Tools,
  { url, headers }: Pick<Target, 'url' | 'headers'>,
  session: Session | undefined,
  message: Json
): Promise<void> => {
  const deadline = startDeadline({ ms: limits.cleanUpMs, msMax: limits.cleanUpMs })
  try {
    const { body } = await (session?.send ?? send)(url, {
      method: 'POST',
      headers: legacyHeaders({ headers }, session),
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      signal: deadline.signal,
      headersTimeoutMs: limits.cleanUpMs,
      bodyTimeoutMs: limits.cleanUpMs
    })
    let bytes = 0
    for await (const chunk of body) {
      bytes += chunk.byteLength
      if (bytes > limits.refusalBytesMax) break
    }
  } finally {
    deadline.stop()
  }
}

export const legacyHeaders = (
  { headers }: Pick<Target, 'headers'>,
  session: Session | undefined
): Record<string, string> => {
  const all: Record<string, string> = { ...headers, accept, 'content-type': 'application/json' }
  if (session) all['mcp-protocol-version'] = session.protocolVersion
  if (session?.id !== undefined) all['mcp-session-id'] = session.id
  return all
}

/** A result, and its text as the server sent it. */
export type Result = { result: Json; resultText: () => string }

/** What a server's answer gives, or the error to tell of. */
export const resultOf = (answer: Answer): Result => {
  if (answer.kind === 'result') return answer
  throw answer.kind === 'error' ? serverError(answer.error, answer.status) : refusal(answer.status, answer.headers)
}

/** What is done with the messages of the server on a stream of a session: notifications are told, requests answered. */
export const hearOn = (
  wires: Wires,
  target: Target,
  session: Session | undefined,
  options?: { isEndless: boolean }
) => {
  const replies = createReplies(wires, target, session, options)
  return ({ id, method, params }: Json & { method: string }): void => {
    if (id === undefined) tell(target, method, params)
    else replies.answer(id, method, isJson(params) ? params : {})
  }
}

const tell = (target: Target, method: string, params: unknown): void => {
  if ((target.hears ?? told).has(method)) target.onEvent?.({ method, params: isJson(params) ? params : {} })
}

/** Says which log messages are wanted, once a session; a server that does not know of that says what it likes. */
const setLevel = async (wires: Wires, target: Target, session: Session): Promise<void> => {
  const { logLevel, ...rest } = target
  if (logLevel === undefined || session.logLevel === logLevel) return
  session.logLevel = logLevel
  const request = { method: 'logging/setLevel', params: { level: logLevel } }
  await requestLegacy(wires, { ...rest, wantsEvents: false }, request, session)
}

type Replies = { answer: (id: unknown, method: string, params: Json) => void }

/** Answers what the server asks on one stream. On one that ends with our answer only so many are. */
const createReplies = (
  wires: Wires,
  target: Target,
  session: Session | undefined,
  { isEndless = false } = {}
): Replies => {
  let repliesLeft = wires.limits.repliesMax
  return {
    answer: (id, method, params) => {
      if (repliesLeft === 0 || !isRequestId(id) || session?.answering.has(id)) return
      repliesLeft -= 1
      session?.answering.add(id)
      wires.background.run(async () => {
        const outcome = await outcomeOf(target, { method, params })
        // The server was waiting, and did not have to say anything.
        target.deadline.extend(target.sseReadTimeoutMs)
        session?.answering.delete(id)
        if (isEndless) repliesLeft += 1
        await notify(wires, target, session, { id, ...outcome })
      })
    }
  }
}

const idLengthMax = 256
// It is sent back, up to so many times, and the server decides how large it is.
const isRequestId = (id: unknown): boolean =>
  typeof id === 'number' || (typeof id === 'string' && id.length <= idLengthMax)
const outcomeOf = async ({ onRequest }: Target, request: ServerRequest): Promise<RpcOutcome> => {
  if (request.method === 'ping') return { result: {} }
  const unknown = { error: { code: methodNotFoundCode, message: 'Method not found' } }
  if (!onRequest) return unknown
  return onRequest(request).catch(() => ({ error: { code: internalErrorCode, message: 'The client gave no answer.' } }))
}

const internalErrorCode = -32603

// Closing the stream is not a cancel before 2026-07-28 (2025-11-25, cancellation).
const cancel = (wires: Wires, target: Target, session: Session, requestId: number): void =>
  wires.background.run(() =>
    notify(wires, target, session, {
      method: 'notifications/cancelled',
      params: { requestId, reason: 'The caller no longer waits.' }
    })
  )
