import { execFile } from 'node:child_process'
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { withDeathSignal } from './die-with-parent.ts'
import type { PostgresProgram } from './postgres-program.ts'
import { randomPassword } from './random-password.ts'

const run = promisify(execFile)

/** Whether another user gets through to this directory: every one above it lets everybody pass. */
const isOpen = (path: string): boolean =>
  (statSync(path).mode & 0o001) !== 0 && (dirname(path) === path || isOpen(dirname(path)))

/** Where root's own directories are closed to nobody (/root), a link stands in for a directory under /var/tmp. */
const createDirectory = (path: string, runAs: PostgresProgram['runAs']): void => {
  if (existsSync(path)) return
  // What is there but leads nowhere is a link whose directory was cleaned away.
  rmSync(path, { force: true })
  mkdirSync(dirname(path), { recursive: true })
  if (runAs === undefined || isOpen(realpathSync(dirname(path)))) mkdirSync(path, { mode: 0o700 })
  else symlinkSync(mkdtempSync('/var/tmp/onbehalf-data-'), path)
}

const initialise = async (program: PostgresProgram, cluster: string, passwordFile: string, fsync: boolean) => {
  const options = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
  const locale = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']
  const speed = fsync ? [] : ['--no-sync']
  const args = [`--pgdata=${cluster}`, ...options, ...locale, ...speed, '--no-instructions']
  const wrapped = withDeathSignal({ command: program.initdb, args }, 'SIGKILL')
  await run(wrapped.command, wrapped.args, { cwd: dirname(cluster), ...program.runAs })
}

/** The data directory with a cluster and its administrator's password in it: made once, then kept. */
export const preparePostgresDirectory = async (program: PostgresProgram, directory: string, fsync: boolean) => {
  createDirectory(directory, program.runAs)
  // Nobody gets to the directory behind the link, not through the link.
  const real = realpathSync(directory)
  const cluster = join(real, 'cluster')
  const passwordFile = join(real, 'admin-password')
  const doneFile = join(real, 'initialised')
  if (!existsSync(doneFile)) {
    // An initdb that was interrupted leaves half a cluster.
    rmSync(cluster, { recursive: true, force: true })
    writeFileSync(passwordFile, randomPassword(), { mode: 0o600 })
    if (program.runAs !== undefined) {
      for (const path of [real, passwordFile]) chownSync(path, program.runAs.uid, program.runAs.gid)
    }
    await initialise(program, cluster, passwordFile, fsync)
    writeFileSync(doneFile, '')
  }
  return { cluster, adminPassword: readFileSync(passwordFile, 'utf8').trim() }
}
