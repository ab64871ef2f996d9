import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connectBus } from '@onbehalf/rpc'
import {
  inRepository,
  loadSecrets,
  removePostgresDirectory,
  type ServiceName,
  startBacking,
  startProcess
} from '@onbehalf/testkit'

/** What is measured has a core of its own; the servers, the neighbours and the load share the other one. */
export const [loadCore, measuredCore] = ['0', '1']

export const pin = (pid: number, core: string): void => {
  spawnSync('taskset', ['-acp', core, String(pid)])
}

/** Postgres, NATS and Redis of a benchmark, which share a core with this process; all of it goes with `stop`. */
export const startBench = async (given: { redisUrl?: string } = {}) => {
  const directory = mkdtempSync('/var/tmp/onbehalf-bench-')
  mkdirSync(join(directory, 'logs'))
  pin(process.pid, loadCore)
  const secrets = loadSecrets(join(directory, 'secrets.json'))
  const backing = await startBacking({ directory, secrets, given, onProgress: () => {} })
  return {
    ...{ directory, secrets, backing },
    /** A connection to the bus as one of the services. */
    busAs: (service: ServiceName) => {
      const { NATS_URL: url = '', NATS_USER: user = '', NATS_PASSWORD: password = '' } = backing.environmentFor(service)
      return connectBus({ url, user, password, service })
    },
    stop: async () => {
      await backing.stop()
      removePostgresDirectory(join(directory, 'postgres'))
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

/** A program of ours beside the load, that says its origin in its first line. */
export const startBeside = async (path: string) => {
  const child = spawn(process.execPath, [inRepository(path)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [origin] = await once(createInterface(child.stdout), 'line')
  return { origin: String(origin), pid: child.pid ?? 0, stop: () => child.kill() }
}

type Program = {
  name: ServiceName
  args: readonly string[]
  environment: Record<string, string | undefined>
  port: number
  logFile: string
}

/** The measured service on its own core, once it is ready. */
export const startMeasured = ({ name, args, environment, port, logFile }: Program) =>
  startProcess({
    name,
    command: 'taskset',
    args: ['-c', measuredCore, process.execPath, ...args],
    environment: { PATH: process.env.PATH, ...environment, PORT: String(port) },
    logFile,
    readySecondsMax: 60,
    isReady: async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok
  })
