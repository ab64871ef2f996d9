import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { request } from 'undici'
import { watchedInTests } from '../description/watched.ts'
import { withDeathSignal } from '../servers/die-with-parent.ts'
import { type RunningProcess, startProcess } from '../servers/process.ts'
import { compileCache, inRepository } from '../servers/repository.ts'
import type { ServiceName } from '../servers/service-names.ts'

const run = promisify(execFile)

const inherited = { PATH: process.env.PATH, ...compileCache }

const mainOf = (service: ServiceName) => inRepository(`services/${service}/src/main.ts`)

/** Runs a service's program with arguments to its end, and answers with what it printed. */
export const runService = async (
  service: ServiceName,
  args: string[],
  environment: Record<string, string>
): Promise<string> => {
  const options = { env: { ...inherited, ...environment }, timeout: 120_000 }
  const program = withDeathSignal({ command: process.execPath, args: [mainOf(service), ...args] }, 'SIGKILL')
  const { stdout } = await run(program.command, program.args, options).catch((error) => {
    throw new Error(`${service} ${args.join(' ')} failed\n${error.stderr || error.message}`)
  })
  return stdout
}

export type RunningService = RunningProcess & { service: ServiceName; url: string; logFile: string }

/** Starts a service as a process of its own, and waits until it is ready. */
export const startService = async (
  service: ServiceName,
  { environment, port, logDirectory }: { environment: Record<string, string>; port: number; logDirectory: string }
): Promise<RunningService> => {
  const url = `http://127.0.0.1:${port}`
  const logFile = join(logDirectory, `${service}.log`)
  const watched = watchedInTests()
  const running = await startProcess({
    name: service,
    command: process.execPath,
    args: [...watched.args, mainOf(service)],
    environment: { ...inherited, ...watched.environment, LOG_LEVEL: 'info', ...environment, PORT: String(port) },
    logFile,
    isReady: async () => {
      const { statusCode, body } = await request(`${url}/readyz`)
      await body.dump()
      return statusCode === 200
    },
    stopSecondsMax: 30
  })
  return { ...running, service, url, logFile }
}
