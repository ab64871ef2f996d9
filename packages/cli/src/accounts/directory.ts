import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Io } from '../io.ts'

/** Where accounts are kept: `ONBEHALF_CONFIG_DIR`, or `onbehalf` in XDG_CONFIG_HOME or ~/.config. */
export const directoryOf = ({ env }: Pick<Io, 'env'>): string =>
  env.ONBEHALF_CONFIG_DIR ?? join(env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'onbehalf')

/** The JSON in a file of ours; undefined where there is none. */
export const readJson = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Written whole or not at all, for its owner alone. */
export const writeJson = (directory: string, name: string, value: unknown): void => {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, name)
  writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}
