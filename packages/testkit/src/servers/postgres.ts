import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { Progress } from './find-program.ts'
import { freePort } from './free-port.ts'
import { isAlive } from './is-alive.ts'
import { preparePostgresDirectory } from './postgres-directory.ts'
import { findPostgres } from './postgres-program.ts'
import { startProcess } from './process.ts'

export type PostgresOptions = {
  /** Kept when it exists. As root it becomes a link, because Postgres runs as nobody. */
  dataDirectory: string
  port?: number
  logFile: string
  /** False makes it fast and forgetful, for tests. */
  fsync?: boolean
  onProgress?: Progress
}

export type PostgresServer = { adminUrl: string; port: number; pid: number; stop: () => Promise<void> }

const forgetful = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'autovacuum=off']

const isReachable = async (url: string): Promise<boolean> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 1000 })
  // Without a listener a connection that breaks later is an uncaught exception.
  client.on('error', () => {})
  try {
    await client.connect()
    return true
  } finally {
    await client.end()
  }
}

/** After a kill -9 of the run before, its server may still be on its way out. */
const untilReleased = async (cluster: string): Promise<void> => {
  for (let attempt = 0; attempt < 60; attempt += 1) {
    try {
      const [pid] = readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')
      if (!isAlive(Number(pid))) return
    } catch {
      return
    }
    await sleep(50)
  }
}

export const startPostgres = async (options: PostgresOptions): Promise<PostgresServer> => {
  const { dataDirectory, fsync = true, onProgress = () => {} } = options
  const program = await findPostgres()
  onProgress('preparing the database')
  const { cluster, adminPassword } = await preparePostgresDirectory(program, dataDirectory, fsync)
  await untilReleased(cluster)
  const port = options.port ?? (await freePort())
  const adminUrl = `postgres://postgres:${adminPassword}@127.0.0.1:${port}/postgres`
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=300',
    'log_timezone=UTC',
    ...(fsync ? [] : forgetful)
  ]
  const running = await startProcess({
    name: 'Postgres',
    command: program.postgres,
    args: ['-D', cluster, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    environment: { PATH: process.env.PATH, LC_ALL: 'C' },
    workingDirectory: cluster,
    logFile: options.logFile,
    isReady: () => isReachable(adminUrl),
    // SIGTERM would wait for every client to leave; SIGINT closes their connections and shuts down cleanly.
    stopSignal: 'SIGINT',
    deathSignal: 'SIGINT',
    ...(program.runAs === undefined ? {} : { runAs: program.runAs })
  })
  return { adminUrl, port, pid: running.pid, stop: running.stop }
}
