import { pino } from 'pino'

/** Where the lines of a log go. */
export type LogOutput = { write: (line: string) => void }

const heldLengthMax = 8 * 1024
const heldMs = 10

/**
 * Standard output, several lines at a time: each with a write of its own would be a fifteenth of what a call costs. A
 * line waits 10 ms at most; whatever ends the process, but for a kill, writes those that still wait.
 */
const openStandardOutput = (): LogOutput => {
  // By its number: once Node's own stream of it is touched, a pipe does not wait, and pino sleeps 100 ms for each that is full.
  const output = pino.destination({ dest: 1, sync: true })
  let held = ''
  let timer: NodeJS.Timeout | undefined
  // Put together here: the destination counts the bytes of all that it holds for each line that comes.
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    const lines = held
    held = ''
    output.write(lines)
  }
  process.once('exit', () => {
    if (held === '') return
    flush()
    output.flushSync()
  })
  return {
    write: (line) => {
      held += line
      if (held.length >= heldLengthMax) flush()
      else timer ??= setTimeout(flush, heldMs).unref()
    }
  }
}

let opened: LogOutput | undefined

/** The one of this process, for all apps in it. */
export const standardOutput = (): LogOutput => {
  opened ??= openStandardOutput()
  return opened
}
