import { readSync } from 'node:fs'
import type { Socket } from 'node:net'

const byte = new Uint8Array(1)

/**
 * Whether nothing waits to be read from a socket, neither bytes nor its end: a look at what the system holds, which sees
 * also what came since the event loop read last. It takes a byte where there is one, so that a socket that is not quiet
 * can only be closed. Undefined where the system gives a socket no number, so that nobody can look (Windows).
 */
export const isQuiet = (socket: Socket): boolean | undefined => {
  const { fd = -1 } = (socket as Numbered)._handle ?? {}
  if (fd < 0) return undefined
  const { stackTraceLimit } = Error
  // That there is nothing is an error to Node, and to tell where it came about would take a third of the time.
  Error.stackTraceLimit = 0
  try {
    readSync(fd, byte, 0, 1, null)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN'
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

// Node tells the number of a socket nowhere else.
type Numbered = Socket & { _handle?: { fd?: number } | null }
