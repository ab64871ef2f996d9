import { isJson, isRpcError, type Json, type RpcOutcome } from '@onbehalf/mcp'

/** What a client posts: one message of JSON-RPC 2.0. */
export type Message = RpcRequest | RpcNotification | RpcResponse
export type RpcRequest = { kind: 'request'; id: RpcId; method: string; params: Json }
export type RpcNotification = { kind: 'notification'; method: string; params: Json }
export type RpcResponse = { kind: 'response'; id: unknown; outcome: RpcOutcome }
export type RpcId = RpcToken | null
/** An id, or a progress token (2026-07-28): what is said again with each message that answers it. */
export type RpcToken = string | number

/** JSON-RPC 2.0 §5.1, and what MCP adds (2026-07-28, error codes). */
export const rpcCodes = {
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  serverError: -32000,
  noSession: -32001,
  headerMismatch: -32020,
  unsupportedVersion: -32022,
  urlElicitationRequired: -32042
} as const

/** An error as the client reads it: a JSON-RPC error, and the HTTP status it comes with where nothing was sent yet. */
export class RpcFault extends Error {
  readonly code: number
  readonly status: number
  readonly data: unknown

  constructor(code: number, message: string, { status = 200, data }: { status?: number; data?: unknown } = {}) {
    super(message)
    this.name = 'RpcFault'
    this.code = code
    this.status = status
    this.data = data
  }
}

/** Reads a body that holds one message. Throws `RpcFault` -32600. */
export const readMessage = (body: unknown): Message => {
  if (Array.isArray(body)) throw notOne('Send one message; batches are not taken.')
  if (!isJson(body) || body.jsonrpc !== '2.0') throw notOne('Send a JSON-RPC 2.0 message: {"jsonrpc":"2.0",…}.')
  const { id, method, params = {} } = body
  if (method === undefined && ('result' in body || 'error' in body))
    return { kind: 'response', id, outcome: outcomeOf(body) }
  if (typeof method !== 'string') throw notOne('A request names its method.')
  if (id === undefined) return { kind: 'notification', method, params: isJson(params) ? params : {} }
  if (!isToken(id) || (typeof id === 'number' && !Number.isInteger(id)))
    throw notOne(`The id of a request is ${tokenWords} or an integer.`)
  if (!isJson(params)) throw notOne('The params of a request are an object.')
  return { kind: 'request', id, method, params }
}

const tokenLengthMax = 256
/** What a token may be beside a number, to be said in a refusal. */
export const tokenWords = `a string of at most ${tokenLengthMax} characters`

/** Whether it is a string or a number, and no longer than what we say again with each message. */
export const isToken = (value: unknown): value is RpcToken =>
  typeof value === 'number' || (typeof value === 'string' && value.length <= tokenLengthMax)

const outcomeOf = ({ result, error }: Json): RpcOutcome => {
  if (isJson(result)) return { result }
  if (isRpcError(error)) return { error }
  throw notOne('A response holds a result or an error, each an object.')
}

/** The id an error answers to, also where the message is no good. */
export const idOf = (body: unknown): RpcId => {
  const id = isJson(body) ? body.id : undefined
  return isToken(id) ? id : null
}

export const resultBeginning = (id: RpcId): string => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`

export const resultText = (id: RpcId, result: string): string => `${resultBeginning(id)}${result}}`

export const faultText = (id: RpcId, { code, message, data }: RpcFault): string =>
  JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } })

const notOne = (message: string) => new RpcFault(rpcCodes.invalidRequest, message, { status: 400 })
