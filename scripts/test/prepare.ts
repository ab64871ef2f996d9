import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  ensureDatabase,
  findPrograms,
  inRepository,
  type PostgresServer,
  perService,
  provisionDatabase,
  randomPassword,
  serviceNames,
  startPostgres,
  type TestRun
} from '@onbehalf/testkit'

const run = promisify(execFile)
const template = 'onbehalf_template'
const progress = (line: string) => console.error(`· ${line}`)

const migrate = async (service: string, databaseUrl: string): Promise<void> => {
  const main = inRepository(`services/${service}/src/main.ts`)
  if (!existsSync(main)) return
  const environment = { PATH: process.env.PATH, DATABASE_URL: databaseUrl }
  await run(process.execPath, [main, 'migrate'], { env: environment, timeout: 60_000 }).catch((error) => {
    throw new Error(`the migrations of ${service} failed\n${error.stderr ?? error}`)
  })
}

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
  await Promise.all(serviceNames.map((service) => migrate(service, urlFor(service))))
  return { adminUrl, template, passwords, directory }
}

export const installPrograms = (): Promise<string[]> =>
  findPrograms(['nats-server', 'redis-server', 'caddy'], { onProgress: progress })
