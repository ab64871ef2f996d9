import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

// One step at a time: Node's recursive mkdir never returns where nothing can be made, for instance below /proc.
const makeDirectory = (directory: string): void => {
  try {
    for (const path of [dirname(directory), directory]) if (!existsSync(path)) mkdirSync(path, { mode: 0o700 })
  } catch (cause) {
    throw new Error(`The data directory ${directory} cannot be made. Name another one in ONBEHALF_DATA.`, { cause })
  }
}

/** Takes a data directory for this process, and answers with how it is let go. Throws when another has it. */
export const lockDirectory = (directory: string): (() => void) => {
  makeDirectory(directory)
  const file = join(directory, 'lock')
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      return () => rmSync(file, { force: true })
    } catch {
      const holder = Number(readFileSync(file, 'utf8'))
      if (holder > 0 && isAlive(holder))
        throw new Error(
          `Onbehalf is running already on ${directory} (process ${holder}). Stop it first, or give this start another directory with ONBEHALF_DATA.`
        )
      rmSync(file, { force: true })
    }
  }
}
