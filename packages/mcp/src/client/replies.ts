import { notify } from './notify.ts'
import { isJson, type Json, methodNotFoundCode, type RpcOutcome, type ServerRequest } from './protocol.ts'
import type { Session } from './sessions.ts'
import { type Target, tell, type Wires } from './target.ts'

/**
 * What is done with the messages of the server on a stream of a session: notifications are told, requests answered, so many
 * of them in all.
 */
export const hearOn = (
  wires: Wires,
  target: Target,
  session: Session | undefined,
  repliesMax = wires.limits.repliesMax
) => {
  const replies = createReplies(wires, target, session, repliesMax)
  return ({ id, method, params }: Json & { method: string }): void => {
    if (id === undefined) tell(target, method, params)
    else replies.answer(id, method, isJson(params) ? params : {})
  }
}

type Replies = { answer: (id: unknown, method: string, params: Json) => void }

/** Answers what the server asks on one stream: so many in all, and no more at a time than on one that ends with our answer. */
const createReplies = (wires: Wires, target: Target, session: Session | undefined, repliesMax: number): Replies => {
  let repliesLeft = repliesMax
  let underWay = 0
  return {
    answer: (id, method, params) => {
      if (repliesLeft === 0 || underWay === wires.limits.repliesMax) return
      if (!isRequestId(id) || session?.answering.has(id)) return
      repliesLeft -= 1
      underWay += 1
      session?.answering.add(id)
      wires.background.run(async () => {
        const outcome = await outcomeOf(target, { method, params })
        // The server was waiting, and did not have to say anything.
        target.deadline.extend(target.sseReadTimeoutMs)
        session?.answering.delete(id)
        underWay -= 1
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
