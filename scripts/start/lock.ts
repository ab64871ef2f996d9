import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Takes a data directory for this process, and answers with how it is let go. Throws when another has it. */
export const lockDirectory = (directory: string): (() => void) => {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
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
