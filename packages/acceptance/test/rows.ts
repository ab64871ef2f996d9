import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { dumpRows, type Platform } from '@onbehalf/testkit'

/** Every row of every service. */
export const rowsOf = async ({ databaseUrl, directory }: Platform): Promise<string[]> => {
  const file = join(directory, 'rows-now.txt')
  await dumpRows(databaseUrl, file)
  return readFileSync(file, 'utf8').split('\n').sort()
}

// What is put on record behind an answer waits for a second at most.
const quietMs = 1_500

/** The same, when what was asked before is all written. */
export const settledRowsOf = async (platform: Platform): Promise<string[]> => {
  let before = await rowsOf(platform)
  for (;;) {
    await sleep(quietMs)
    const now = await rowsOf(platform)
    if (now.join('\n') === before.join('\n')) return now
    before = now
  }
}
