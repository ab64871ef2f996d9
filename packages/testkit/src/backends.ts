import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { asService, cloneDatabase, dropDatabase } from './servers/database.ts'
import { dumpRows } from './servers/dump-rows.ts'
import { startNats } from './servers/nats.ts'
import { randomPassword } from './servers/random-password.ts'
import { startRedis } from './servers/redis.ts'
import { inRepository } from './servers/repository.ts'
import { perService, type ServiceName, serviceNames, variablePrefix } from './servers/service-names.ts'
import { readTestRun, recordSecrets } from './test-run.ts'

export type TestContext = { teardown: (handler: () => Promise<void>) => unknown }

/** A server of this test that can be taken away and brought back, on the same port with the same passwords. */
export type Restartable = { port: number; pid: () => number; stop: () => Promise<void>; restart: () => Promise<void> }

export type Backends = {
  environmentFor: (service: ServiceName) => Record<string, string>
  /** The administrator's URL of this test's database. */
  adminDatabaseUrl: string
  nats: Restartable & { url: string }
  /** The administrator of Redis sees every key; its password changes with a restart. */
  redis: Restartable & { adminUrl: () => string }
  /** The logs and data of this test's servers; searched for secrets after the run. */
  directory: string
}

export type BackendsOptions = { natsConfigFile?: string }

type Stoppable = { pid: number; port: number; stop: () => Promise<void> }

const restartable = async <Server extends Stoppable>(start: (port?: number) => Promise<Server>) => {
  let server = await start()
  const handle: Restartable = {
    port: server.port,
    pid: () => server.pid,
    stop: () => server.stop(),
    restart: async () => {
      await server.stop()
      server = await start(server.port)
    }
  }
  return { current: () => server, handle }
}

/** NATS and Redis of its own and a clone of the migrated database, for one test file. */
export const startBackends = async (t: TestContext, options: BackendsOptions = {}): Promise<Backends> => {
  const run = readTestRun()
  const name = `${basename(process.argv[1] ?? 'test', '.test.ts')}-${process.pid}-${randomBytes(3).toString('hex')}`
  const directory = join(run.directory, name)
  mkdirSync(directory, { recursive: true })

  const natsPasswords = perService(randomPassword)
  const passwords = perService(randomPassword)
  recordSecrets([...Object.values(natsPasswords), ...Object.values(passwords)])
  const configFile = options.natsConfigFile ?? inRepository('infra/nats/nats.conf')
  const environment = Object.fromEntries(
    serviceNames.map((service) => [`${variablePrefix(service)}_NATS_PASSWORD`, natsPasswords[service]])
  )
  const onPort = (port?: number) => (port === undefined ? {} : { port })

  const started: Array<() => Promise<void>> = []
  t.teardown(async () => {
    for (const stop of started.reverse()) await stop()
  })
  const nats = await restartable((port) =>
    startNats({ configFile, environment, logFile: join(directory, 'nats.log'), ...onPort(port) })
  )
  started.push(nats.handle.stop)
  const redis = await restartable((port) =>
    startRedis({
      passwords,
      dataDirectory: join(directory, 'redis'),
      logFile: join(directory, 'redis.log'),
      ...onPort(port)
    })
  )
  started.push(redis.handle.stop)
  const adminDatabaseUrl = await cloneDatabase(run.adminUrl, run.template, name)
  started.push(async () => {
    await dumpRows(adminDatabaseUrl, join(directory, 'rows.txt'))
    await dropDatabase(run.adminUrl, name)
  })

  return {
    environmentFor: (service) => ({
      DATABASE_URL: asService(adminDatabaseUrl, service, run.passwords[service]),
      NATS_URL: nats.current().url,
      NATS_USER: service,
      NATS_PASSWORD: natsPasswords[service],
      REDIS_URL: redis.current().urlFor(service),
      // On a busy machine Redis is late and not away.
      REDIS_TIMEOUT_MS: '10000'
    }),
    adminDatabaseUrl,
    nats: { ...nats.handle, url: nats.current().url },
    redis: { ...redis.handle, adminUrl: () => redis.current().adminUrl },
    directory
  }
}
