import { parseJson } from './bounded-json.ts'
import { malformed } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { McpLimits } from './limits.ts'
import { memberText } from './member-text.ts'
import type { Opened } from './open.ts'
import { mayBePassed, passAnswer } from './pass-answer.ts'
import { plainResultText } from './plain-answer.ts'
import { type Answer, isJson, isRpcError, type Json, type ResponseHeaders } from './protocol.ts'

/** What an answer of another status than 2xx says. */
export const readRefusal = async ({ status, headers, mediaType, body }: Opened, limits: McpLimits): Promise<Answer> => {
  if (mediaType !== 'application/json') return { kind: 'refused', status, headers }
  const message = parseJson(await body.text(limits.refusalBytesMax))
  // A refusal of what could not be read has the id null, so the id says nothing here.
  if (isJson(message) && isRpcError(message.error) && status < 500) {
    return { kind: 'error', status, error: message.error }
  }
  return { kind: 'refused', status, headers }
}

/** The answer that is the whole body. */
export const readJson = async (opened: Opened, request: Exchange, limits: McpLimits): Promise<Answer> => {
  const passed = mayBePassed(opened, request, limits) ? await passAnswer(opened, request, limits) : undefined
  if (passed) return passed
  const { headers, body } = opened
  const reading = body.text(limits.answerBytesMax)
  const text = typeof reading === 'string' ? reading : await reading
  // What only looks so is read twice, so that it may not be large.
  const plain = text.length <= limits.passBytesMin ? plainly(text, request.id, headers) : undefined
  const answer = plain ?? anyhow(text, request.id, headers)
  if (!answer) throw malformed('it holds no JSON-RPC answer')
  body.handOver(request.onHeld)
  return answer
}

/** Most answers, which are small: what is around the result is known by its text, so that it need not be read, nor looked for in it. */
const plainly = (text: string, id: number, headers: ResponseHeaders): Answer | undefined => {
  const resultText = plainResultText(text, id)
  if (resultText === undefined) return undefined
  const result = valueIn(resultText)
  return isJson(result) ? { kind: 'result', result, resultText: () => resultText, headers } : undefined
}

const valueIn = (text: string): unknown => {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

const anyhow = (text: string, id: number, headers: ResponseHeaders): Answer | undefined => {
  const message = parseJson(text)
  return isJson(message) ? answerIn(message, id, headers, text) : undefined
}

/** The answer to request `id` that a message is, `text` being its words; undefined where it is no answer. Throws for another's. */
export const answerIn = (
  message: Json,
  id: number,
  headers: ResponseHeaders,
  text: string | undefined
): Answer | undefined => {
  if (message.method !== undefined) return undefined
  // An error about a request that could not be read has the id null (JSON-RPC 2.0 §5).
  const isOurs = message.id === id || ((message.id ?? null) === null && message.error !== undefined)
  if (!isOurs) throw malformed('it answers another request')
  if (isRpcError(message.error)) return { kind: 'error', status: 200, error: message.error }
  const { result } = message
  if (!isJson(result)) throw malformed('it holds neither a result nor an error')
  const resultText = () => (text === undefined ? undefined : memberText(text, 'result')) ?? JSON.stringify(result)
  return { kind: 'result', result, resultText, headers }
}
