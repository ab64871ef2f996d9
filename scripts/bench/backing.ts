import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connectBus } from '@onbehalf/rpc'
import {
  type GivenServers,
  inRepository,
  loadSecrets,
  removePostgresDirectory,
  type ServiceName,
  startBacking,
  startProcess,
  withDeathSignal
} from '@onbehalf/testkit'

type Place = ReturnType<typeof makePlace>

/** What is measured has a core of its own; the servers, the neighbours and the load share the other one. */
export const [loadCore, measuredCore] = ['0', '1']

export const pin = (pid: number, core: string): void => {
  const { error } = spawnSync('taskset', ['-acp', core, String(pid)])
  if (error) throw new Error('A benchmark gives each process its core: it needs Linux and taskset', { cause: error })
}

/** A directory of a benchmark, with the secrets of its servers. */
export const makePlace = () => {
  const directory = mkdtempSync('/var/tmp/onbehalf-bench-')
  mkdirSync(join(directory, 'logs'))
  return { directory, secrets: loadSecrets(join(directory, 'secrets.json')) }
}

/**
 * Postgres, NATS and Redis of a benchmark, but for those that are given; they share a core with this process, and go
 * with their directory by `stop`.
 */
export const startBench = async ({ place = makePlace(), given = {} }: { place?: Place; given?: GivenServers } = {}) => {
  const { directory, secrets } = place
  pin(process.pid, loadCore)
  const backing = await startBacking({ directory, secrets, given, onProgress: () => {} })
  /** Where the bus is, and what one of the services says there. */
  const placeOf = (service: ServiceName) => {
    const { NATS_URL: url = '', NATS_USER: user = '', NATS_PASSWORD: password = '' } = backing.environmentFor(service)
    return { url, user, password }
  }
  return {
    ...{ directory, secrets, backing },
    placeOf,
    /** A connection to the bus as one of the services. */
    busAs: (service: ServiceName) => connectBus({ ...placeOf(service), service }),
    stop: async () => {
      await backing.stop()
      removePostgresDirectory(join(directory, 'postgres'))
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

/** A program of ours beside the load, that says its origin in its first line; on Linux it never outlives us. */
export const startBeside = async (path: string, given: readonly string[] = []) => {
  const program = { command: process.execPath, args: [inRepository(path), ...given] }
  const { command, args } = withDeathSignal(program, 'SIGKILL')
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
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
    environment: { PATH: process.env.PATH, NODE_OPTIONS: process.env.NODE_OPTIONS, ...environment, PORT: String(port) },
    logFile,
    readySecondsMax: 60,
    // A profile is written at the end.
    stopSecondsMax: 60,
    isReady: async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok
  })

/** What has a service run from its sources, and write a CPU profile into a directory where one is named. */
export const fromSources = (name: ServiceName, profile: string | undefined): string[] => [
  ...(profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : []),
  inRepository(`services/${name}/src/main.ts`)
]
