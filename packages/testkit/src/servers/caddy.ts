import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listens } from './answers.ts'
import { findProgram, type Progress } from './find-program.ts'
import { startProcess } from './process.ts'

export type CaddyOptions = {
  configFile: string
  /** Every variable the configuration refers to without a default. */
  environment: Record<string, string>
  /** The port the configuration listens on: Caddy is ready when it answers there. */
  port: number
  /** Caddy's own files (certificates, its autosave) go there instead of the home directory. */
  dataDirectory: string
  logFile: string
  onProgress?: Progress
}

export type CaddyServer = { pid: number; stop: () => Promise<void> }

// Caddy takes a missing variable for an empty text and starts, with an upstream that is nobody.
const checkVariables = ({ configFile, environment }: CaddyOptions): void => {
  const names = [...readFileSync(configFile, 'utf8').matchAll(/\{\$([A-Z_0-9]+)\}/g)].map(([, name]) => name ?? '')
  const missing = [...new Set(names)].filter((name) => (environment[name] ?? '') === '')
  if (missing.length > 0) throw new Error(`${configFile} needs ${missing.join(', ')}`)
}

export const startCaddy = async (options: CaddyOptions): Promise<CaddyServer> => {
  checkVariables(options)
  const command = await findProgram('caddy', options)
  mkdirSync(options.dataDirectory, { recursive: true, mode: 0o700 })
  const running = await startProcess({
    name: 'Caddy',
    command,
    args: ['run', '--config', options.configFile, '--adapter', 'caddyfile'],
    environment: {
      PATH: process.env.PATH,
      HOME: options.dataDirectory,
      XDG_CONFIG_HOME: join(options.dataDirectory, 'config'),
      XDG_DATA_HOME: join(options.dataDirectory, 'data'),
      ...options.environment
    },
    logFile: options.logFile,
    isReady: () => listens(options.port)
  })
  return { pid: running.pid, stop: running.stop }
}
