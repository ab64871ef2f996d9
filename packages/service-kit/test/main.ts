import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import {
  type Backends,
  compileCache,
  freePort,
  inRepository,
  recordSecrets,
  type ServiceName,
  startBackends,
  type TestContext
} from '@onbehalf/testkit'

export const mainOf = (service: ServiceName): string => inRepository(`services/${service}/src/main.ts`)

export type Ended = { code: number; stdout: string; stderr: string }

/** A service's own program, run to its end; one that does not end by itself has code -1. */
export const runMain = (service: ServiceName, args: string[], env: Record<string, string>): Promise<Ended> =>
  new Promise((resolve) => {
    const options = { env: { ...compileCache, ...env }, timeout: 240_000 }
    const child = execFile(process.execPath, [mainOf(service), ...args], options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr })
    )
  })

/** Servers of a test's own, and the environment with which each service starts on them. */
export const openEnvironments = async (t: TestContext) => {
  const backends: Backends = await startBackends(t)
  const masterKey = randomBytes(32).toString('base64')
  recordSecrets([masterKey])
  const environmentOf = (service: ServiceName): Record<string, string> => ({
    ...backends.environmentFor(service),
    PUBLIC_URL: 'http://127.0.0.1:4000',
    MASTER_KEYS: `k1:${masterKey}`,
    PORT: '0'
  })
  const secretsOf = (environment: Record<string, string>): string[] =>
    Object.values(environment)
      .flatMap((value) => /:([^:@/]{12,})@/.exec(value)?.[1] ?? [])
      .concat(masterKey)
  return { backends, environmentOf, secretsOf }
}

/** The port of somebody who takes connections and says nothing. */
export const occupy = async (t: TestContext): Promise<number> => {
  const port = await freePort()
  const silent = createServer((socket) => socket.on('error', () => {})).listen(port, '127.0.0.1')
  t.teardown(async () => void silent.close())
  await once(silent, 'listening')
  return port
}
