import { Readable } from 'node:stream'
import type { McpEvent } from '@onbehalf/mcp'

/** What happens during a call, as server-sent events. */
export type EventStream = {
  readable: Readable
  /** Progress and log messages of the server; dropped while the caller does not keep up. */
  tell: (event: McpEvent) => void
  end: (name: 'result' | 'error', json: string) => void
}

const names = new Map([
  ['notifications/progress', 'progress'],
  ['notifications/message', 'log']
])
const waitingMax = 256 * 1024
const beatMs = 15_000

/** Begins with a comment, since the head of an answer leaves with its first byte. */
export const openEventStream = (): EventStream => {
  const readable = new Readable({
    read: () => {},
    destroy: (error, done) => {
      clearInterval(beat)
      done(error)
    }
  })
  const beat = setInterval(() => readable.push(': still here\n\n'), beatMs)
  readable.push(': begun\n\n')
  return {
    readable,
    tell: ({ method, params }) => {
      const name = names.get(method)
      if (name === undefined || readable.destroyed || readable.readableLength > waitingMax) return
      // The token is between us and the server.
      const { progressToken: _, ...told } = params
      readable.push(eventOf(name, JSON.stringify(told)))
    },
    end: (name, json) => {
      if (readable.destroyed) return
      clearInterval(beat)
      readable.push(eventOf(name, json))
      readable.push(null)
    }
  }
}

// A line end in the JSON is never within a string, so that its kind does not matter.
const eventOf = (name: string, json: string): string =>
  `event: ${name}\ndata: ${json.replaceAll(/\r\n|\r|\n/g, '\ndata: ')}\n\n`
