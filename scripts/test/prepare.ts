import { join } from 'node:path'
import {
  ensureDatabase,
  findPrograms,
  migrateService,
  type PostgresServer,
  perService,
  provisionDatabase,
  randomPassword,
  serviceNames,
  startPostgres,
  type TestRun
} from '@onbehalf/testkit'

const template = 'onbehalf_template'
const progress = (line: string) => console.error(`· ${line}`)

export const startDatabase = (directory: string): Promise<PostgresServer> =>
  startPostgres({
    dataDirectory: join(directory, 'postgres'),
    logFile: join(directory, 'postgres.log'),
    fsync: false
  })

/** The migrated template that every test file clones, and the passwords of its roles. */
export const prepareTemplate = async (adminUrl: string, directory: string): Promise<TestRun> => {
  const passwords = perService(randomPassword)
  const { urlFor } = await provisionDatabase(await ensureDatabase(adminUrl, template), passwords)
  await Promise.all(serviceNames.map((service) => migrateService(service, urlFor(service))))
  return { adminUrl, template, passwords, directory }
}

export const installPrograms = (): Promise<string[]> =>
  findPrograms(['nats-server', 'redis-server', 'caddy'], { onProgress: progress })
