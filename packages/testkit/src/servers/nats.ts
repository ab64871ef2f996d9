import { answers } from './answers.ts'
import { findProgram, type Progress } from './find-program.ts'
import { freePort } from './free-port.ts'
import { startProcess } from './process.ts'

export type NatsOptions = {
  configFile: string
  /** The passwords the configuration refers to, e.g. IDENTITY_BROKER_NATS_PASSWORD. */
  environment: Record<string, string>
  port?: number
  logFile: string
  onProgress?: Progress
}

export type NatsServer = { url: string; port: number; pid: number; stop: () => Promise<void> }

/** NATS reads the value of a variable as a piece of its configuration: unquoted, "9a…" or "-x…" is a broken number. */
const quoted = (environment: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, JSON.stringify(value)]))

export const startNats = async (options: NatsOptions): Promise<NatsServer> => {
  const command = await findProgram('nats-server', options)
  const port = options.port ?? (await freePort())
  const running = await startProcess({
    name: 'NATS',
    command,
    args: ['-c', options.configFile, '-a', '127.0.0.1', '-p', String(port)],
    environment: { PATH: process.env.PATH, ...quoted(options.environment) },
    logFile: options.logFile,
    isReady: () => answers(port, { expected: /^INFO / })
  })
  return { url: `nats://127.0.0.1:${port}`, port, pid: running.pid, stop: running.stop }
}
