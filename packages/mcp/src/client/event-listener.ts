import { parseJson } from './bounded-json.ts'
import { noRoom } from './errors.ts'
import type { HeldRoom } from './held-budget.ts'
import { isJson, type Json } from './protocol.ts'
import type { SseEvent } from './sse.ts'

/** Hears of a stream's events those that may concern it, and its end: why, where that is not for the server. */
export type Listener = {
  /** Of the request that waits for its answer; undefined where what the server says besides is heard. */
  id: unknown
  hear: (event: SseEvent | undefined, failure?: Error) => void
}

/** How many characters of an event those who wait for answers read together, where it is none of theirs. */
const readLengthMax = 256 * 1024
/** What it takes to hear an event, however short. */
const hearingLength = 4 * 1024

/**
 * Tells an event to whom it may concern: an answer to who waits for it, and progress to whose it is. Anything else is for
 * all; but each of them reads it anew, so that where it is large, or they are many, only the first of those who wait do.
 */
export const tellOf = (event: SseEvent, listeners: Set<Listener>): void => {
  const message = parse(event.data)
  const named = idMeant(message)
  const meant = named === undefined ? [] : [...listeners].filter(({ id }) => id === named)
  for (const listener of meant) listener.hear(event)
  if (isAnswer(message)) endAll(meant, listeners)
  if (isAnswer(message) || meant.length > 0) return
  let left = readLengthMax
  for (const { id, hear } of listeners) {
    if (id === undefined) hear(event)
    else if (left > 0) {
      left -= hearingLength + event.data.length
      hear(event)
    }
  }
}

// Nothing comes behind an answer, and who is still read to the end takes nobody's place.
const endAll = (answered: readonly Listener[], listeners: Set<Listener>): void => {
  for (const listener of answered) {
    listeners.delete(listener)
    listener.hear(undefined)
  }
}

/** The events that it is told of until it stops or the stream ends; what it has not read yet takes `room`. */
export const listenFor = (
  id: unknown,
  listeners: Set<Listener>,
  { room, lengthMax }: { room: HeldRoom; lengthMax: number }
) => {
  let queue: (SseEvent | Error | undefined)[] = []
  let held = 0
  let wake = Promise.withResolvers<void>()
  const say = (said: SseEvent | Error | undefined) => {
    queue.push(said)
    wake.resolve()
  }
  const letGo = () => {
    listeners.delete(listener)
    queue = []
    held = 0
    room.resize(0)
  }
  const hear: Listener['hear'] = (event, failure) => {
    if (!event) return say(failure)
    held += event.data.length
    if (held <= lengthMax && room.resize(held)) return say(event)
    letGo()
    say(noRoom())
  }
  const listener = { id, hear }
  const stop = () => {
    letGo()
    say(undefined)
  }
  listeners.add(listener)
  const events = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        await wake.promise
        wake = Promise.withResolvers<void>()
        for (const event of queue.splice(0)) {
          if (!event) return
          if (event instanceof Error) throw event
          held -= event.data.length
          room.resize(held)
          yield Buffer.from(`data: ${event.data.replaceAll('\n', '\ndata: ')}\n\n`)
        }
      }
    } finally {
      letGo()
    }
  }
  return { events: events(), stop }
}

const isAnswer = (message: unknown): message is Json =>
  isJson(message) && message.method === undefined && (message.id ?? null) !== null

/** The request that an answer, or progress, is of. */
const idMeant = (message: unknown): unknown => {
  if (isAnswer(message)) return message.id
  if (!isJson(message) || message.method !== 'notifications/progress') return undefined
  return isJson(message.params) ? message.params.progressToken : undefined
}

/** Of the request that is posted. */
export const idOf = (body: string | undefined): unknown => {
  const message = parse(body ?? '')
  return isJson(message) && message.method !== undefined ? message.id : undefined
}

const parse = (text: string): unknown => {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}
