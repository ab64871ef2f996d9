import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  dumpRows,
  everySecret,
  type Platform,
  type PlatformOptions,
  readTestRun,
  recordSecrets,
  startDns,
  startPlatform
} from '@onbehalf/testkit'

export type TestContext = { teardown: (handler: () => Promise<void>) => unknown }

/** A whole installation of this test's own; its rows, logs and Redis files are searched for secrets after the run. */
export const startTestPlatform = async (
  t: TestContext,
  name: string,
  options: Pick<PlatformOptions, 'allowedPorts' | 'moreUsers' | 'watchesMax'> = {}
): Promise<Platform> => {
  const { directory: runDirectory } = readTestRun()
  const directory = join(runDirectory, name)
  mkdirSync(directory, { recursive: true })
  const elsewhere = mkdtempSync(join(tmpdir(), 'onbehalf-secrets-'))
  const seen = new Set<string>()
  // It knows no name: nothing that a test looks up leaves this machine.
  const dns = await startDns()
  const platform = await startPlatform({
    ...options,
    nameServers: [dns.address],
    // On a busy machine Redis is late and not away.
    environment: { REDIS_TIMEOUT_MS: '10000' },
    directory,
    secretsFile: join(elsewhere, 'secrets.json'),
    onSecret: (secret) => seen.add(secret)
  })
  t.teardown(async () => {
    recordSecrets([...everySecret(platform.secrets), ...seen])
    await dumpRows(platform.databaseUrl, join(directory, 'rows.txt'))
    await platform.stop()
    await dns.stop()
    rmSync(elsewhere, { recursive: true, force: true })
  })
  return platform
}
