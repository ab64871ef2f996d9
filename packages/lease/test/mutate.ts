import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

/** A fault to put into the sources: in `file`, `from`, which is there once, becomes `to`. */
export type Mutation = { file: string; from: string; to: string }

/** Where a copy of the sources is that has the fault in it. */
export const mutate = (t: Test, { file, from, to }: Mutation): string => {
  const directory = mkdtempSync(join(tmpdir(), 'onbehalf-lease-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  cpSync(fileURLToPath(new URL('../src', import.meta.url)), directory, { recursive: true })
  const path = join(directory, file)
  const text = readFileSync(path, 'utf8')
  if (text.split(from).length !== 2) throw new Error(`${file} does not have this once: ${from}`)
  writeFileSync(
    path,
    text.replace(from, () => to)
  )
  return directory
}
