import { type CallSignal, Ending, untilAborted } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import type { RpcOutcome, ServerRequest } from '@onbehalf/mcp'
import { newId } from '@onbehalf/service-kit'

/** Sends a message to the client; false where it cannot be sent, or is not taken. */
export type Say = (message: object) => boolean

/** The client's own stream in a session: hears what belongs to no request. */
export type OwnStream = {
  say: Say
  /** Asks the server anew for what the client wants to hear of. */
  restart: () => void
  end: () => void
}

export type Exchanges = {
  /** Asks the client of a session, and waits for its answer; throws when the signal ends, or after 10 minutes. */
  ask: (key: string, say: Say, request: ServerRequest, signal: CallSignal) => Promise<RpcOutcome>
  /** Takes an answer of the client; false where nobody here waits for it. */
  answer: (key: string, id: unknown, outcome: RpcOutcome) => boolean
  /** A request of the client begins, which it may cancel by its id; the function ends it. */
  begin: (key: string, id: unknown, cancel: (reason: ReportedError) => void) => () => void
  cancel: (key: string, id: unknown) => boolean
  /** The client's own stream, in place of any earlier one; the function ends it. */
  open: (key: string, stream: OwnStream) => () => void
  stream: (key: string) => OwnStream | undefined
}

const answerMs = 600_000

/** What goes on in this process between us and the clients of sessions, by the session's key and the ids of requests. */
export const createExchanges = (): Exchanges => {
  const asked = new Map<string, (outcome: RpcOutcome) => void>()
  const underWay = new Map<string, (reason: ReportedError) => void>()
  const streams = new Map<string, OwnStream>()
  const at = (key: string, id: unknown) => `${key} ${JSON.stringify(id)}`

  const hold = <Value>(map: Map<string, Value>, place: string, value: Value) => {
    map.set(place, value)
    return () => {
      if (map.get(place) === value) map.delete(place)
    }
  }

  return {
    ask: async (key, say, request, signal) => {
      const id = newId()
      const { promise, resolve } = Promise.withResolvers<RpcOutcome>()
      const letGo = hold(asked, at(key, id), resolve)
      const giveUp = new Ending(signal)
      const timer = setTimeout(() => giveUp.abort(tooLate()), answerMs)
      try {
        if (!say({ jsonrpc: '2.0', id, ...request })) throw notHeard()
        return await untilAborted(promise, giveUp)
      } finally {
        clearTimeout(timer)
        giveUp.unlink()
        letGo()
      }
    },
    answer: (key, id, outcome) => {
      const resolve = asked.get(at(key, id))
      resolve?.(outcome)
      return resolve !== undefined
    },
    begin: (key, id, cancel) => hold(underWay, at(key, id), cancel),
    cancel: (key, id) => {
      const cancel = underWay.get(at(key, id))
      cancel?.(new ReportedError('cancelled', 'The client cancelled the request.'))
      return cancel !== undefined
    },
    open: (key, stream) => {
      streams.get(key)?.end()
      return hold(streams, key, stream)
    },
    stream: (key) => streams.get(key)
  }
}

const notHeard = () =>
  new ReportedError('invalid_request', 'The server asks something: accept text/event-stream to be asked.')
const tooLate = () => new ReportedError('upstream_timeout', 'The client did not answer the server in time.')
