import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const busy = 5

// One step at a time: Node's recursive mkdir never returns where nothing can be made, for instance below /proc.
const makeDirectory = (directory: string): void => {
  if (existsSync(directory)) return
  makeDirectory(dirname(directory))
  mkdirSync(directory, { mode: 0o700 })
}

const createLockFile = (directory: string): string => {
  const file = join(directory, 'lock.sqlite')
  try {
    makeDirectory(directory)
    closeSync(openSync(file, 'a', 0o600))
    return file
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const words = `The data directory ${directory} cannot be used: ${reason}. Name another one in ONBEHALF_DATA.`
    throw new Error(words, { cause })
  }
}

const isBusy = (error: unknown): boolean => error instanceof Error && 'errcode' in error && error.errcode === busy

/** Nothing while whoever has just taken it has not written its name yet. */
const holderIn = (file: string): string => {
  const holder = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return holder === '' ? '' : ` (process ${holder})`
}

// A handle that nobody refers to is collected, and its lock with it.
const held = new Set<DatabaseSync>()

/**
 * Takes a data directory for this process, and answers with how it is let go. Throws when another has it. The lock is
 * the operating system's, on a file that SQLite opens: it ends with the process, however that ends, so there is no
 * stale one that two starts could find at once. The file stays: a lock on a removed file would be nobody's.
 */
export const lockDirectory = (directory: string): (() => void) => {
  const lock = new DatabaseSync(createLockFile(directory), { timeout: 0 })
  const holder = join(directory, 'lock')
  try {
    lock.exec('BEGIN IMMEDIATE')
  } catch (error) {
    lock.close()
    if (!isBusy(error)) throw error
    throw new Error(
      `Onbehalf is running already on ${directory}${holderIn(holder)}. Stop it first, or give this start another directory with ONBEHALF_DATA.`
    )
  }
  held.add(lock)
  writeFileSync(holder, String(process.pid))
  return () => {
    held.delete(lock)
    lock.close()
  }
}
