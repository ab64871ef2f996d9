import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { answers } from './answers.ts'
import { findProgram, type Progress } from './find-program.ts'
import { freePort } from './free-port.ts'
import { startProcess } from './process.ts'
import { randomPassword } from './random-password.ts'
import { inRepository } from './repository.ts'
import { type ServiceName, serviceNames, variablePrefix } from './service-names.ts'

export type RedisOptions = {
  passwords: Record<ServiceName, string>
  port?: number
  logFile: string
  /** Keeps the data there; left out, nothing outlives the process. */
  dataDirectory?: string
  onProgress?: Progress
}

export type RedisServer = {
  port: number
  pid: number
  urlFor: (service: ServiceName) => string
  /** A user that sees every key, for searching and dumping in tests. No service gets it. */
  adminUrl: string
  stop: () => Promise<void>
}

/** A PATH on which `redis-server` is found, and what to remove once it has been started. */
const pathWithServer = async (onProgress?: Progress): Promise<{ path: string; remove: () => void }> => {
  const program = await findProgram('redis-server', { onProgress })
  const path = process.env.PATH ?? '/usr/bin:/bin'
  if (basename(program) === 'redis-server') return { path: dirname(program) + delimiter + path, remove: () => {} }
  const directory = mkdtempSync(join(tmpdir(), 'onbehalf-redis-'))
  symlinkSync(program, join(directory, 'redis-server'))
  return { path: directory + delimiter + path, remove: () => rmSync(directory, { recursive: true }) }
}

export const startRedis = async (options: RedisOptions): Promise<RedisServer> => {
  const port = options.port ?? (await freePort())
  const adminPassword = randomPassword()
  const { path, remove } = await pathWithServer(options.onProgress)
  if (options.dataDirectory !== undefined) mkdirSync(options.dataDirectory, { recursive: true, mode: 0o700 })
  try {
    const running = await startProcess({
      name: 'Redis',
      command: 'sh',
      args: [inRepository('infra/redis/start.sh')],
      environment: {
        PATH: path,
        REDIS_PORT: String(port),
        REDIS_ADMIN_PASSWORD: adminPassword,
        REDIS_DIRECTORY: options.dataDirectory,
        ...Object.fromEntries(
          serviceNames.map((service) => [`${variablePrefix(service)}_REDIS_PASSWORD`, options.passwords[service]])
        )
      },
      logFile: options.logFile,
      isReady: () => answers(port, { question: 'PING\r\n', expected: /^-NOAUTH/ })
    })
    const urlOf = (user: string, password: string) =>
      `redis://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}`
    return {
      port,
      pid: running.pid,
      urlFor: (service) => urlOf(service, options.passwords[service]),
      adminUrl: urlOf('admin', adminPassword),
      stop: running.stop
    }
  } finally {
    remove()
  }
}
