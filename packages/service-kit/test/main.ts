import { execFile } from 'node:child_process'
import { inRepository, type ServiceName } from '@onbehalf/testkit'

export const mainOf = (service: ServiceName): string => inRepository(`services/${service}/src/main.ts`)

export type Ended = { code: number; stdout: string; stderr: string; seconds: number }

/** A service's own program, run to its end; `timeout` ends it with code -1. */
export const runMain = (service: ServiceName, args: string[], env: Record<string, string>): Promise<Ended> => {
  const begun = Date.now()
  const options = { env, timeout: 20_000 }
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [mainOf(service), ...args], options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr, seconds: (Date.now() - begun) / 1000 })
    )
  })
}
