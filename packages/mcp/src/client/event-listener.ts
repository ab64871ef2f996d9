import { isJson } from './protocol.ts'
import type { SseEvent } from './sse.ts'

/** Hears every event of a stream, and its end: why, where that is not for the server. */
export type Listener = (event: SseEvent | undefined, failure?: Error) => void

/** The events with the answer to `id`, and those before it that are no answers; these alone where there is no id. */
export const listenFor = (id: unknown, listeners: Set<Listener>) => {
  const queue: (SseEvent | Error | undefined)[] = []
  let wake = Promise.withResolvers<void>()
  const listener: Listener = (event, failure) => {
    if (event && !concerns(event, id)) return
    queue.push(event ?? failure)
    wake.resolve()
  }
  const stop = () => {
    listeners.delete(listener)
    listener(undefined)
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
          yield Buffer.from(`data: ${event.data.replaceAll('\n', '\ndata: ')}\n\n`)
        }
      }
    } finally {
      listeners.delete(listener)
    }
  }
  return { events: events(), stop }
}

const concerns = ({ data }: SseEvent, id: unknown): boolean => {
  const message = parse(data)
  return !isJson(message) || message.method !== undefined || message.id === id || (message.id ?? null) === null
}

/** Of the request that is posted. */
export const idOf = (body: string | undefined): unknown => {
  const message = parse(body ?? '')
  return isJson(message) && message.method !== undefined ? message.id : undefined
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
