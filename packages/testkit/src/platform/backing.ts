import { join } from 'node:path'
import { UnreachableError } from '@onbehalf/service-kit'
import { type GivenServers, natsUserOf } from '../given/index.ts'
import { databaseName, ensureDatabase, provisionDatabase } from '../servers/database.ts'
import { startNats } from '../servers/nats.ts'
import { startPostgres } from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'
import { inRepository } from '../servers/repository.ts'
import { type ServiceName, serviceNames, variablePrefix } from '../servers/service-names.ts'
import type { PlatformSecrets } from './secrets.ts'

export type Backing = {
  environmentFor: (service: ServiceName) => Record<string, string> & { DATABASE_URL: string }
  /** What was started here, by name. */
  started: { name: string; pid: number }[]
  /** The administrator's URL of the database. */
  databaseUrl: string
  stop: () => Promise<void>
}

type Options = {
  directory: string
  secrets: PlatformSecrets
  given: GivenServers
  onProgress: (line: string) => void
}

/** Postgres, NATS and Redis, each provisioned for the four services; those that are given are used. */
export const startBacking = async (options: Options): Promise<Backing> => {
  const stops: (() => Promise<void>)[] = []
  const started: { name: string; pid: number }[] = []
  const keep = <Server extends { pid: number; stop: () => Promise<void> }>(name: string, server: Server): Server => {
    stops.push(server.stop)
    started.push({ name, pid: server.pid })
    return server
  }
  const stop = async () => {
    for (const one of stops.reverse()) await one()
  }
  try {
    const [database, nats, redis] = await Promise.all([
      openDatabase(options, keep),
      openNats(options, keep),
      openRedis(options, keep)
    ])
    return {
      databaseUrl: database.adminUrl,
      started,
      stop,
      environmentFor: (service) => ({
        DATABASE_URL: database.urlFor(service),
        ...nats.environmentFor(service),
        REDIS_URL: redis.urlFor(service)
      })
    }
  } catch (error) {
    await stop()
    throw error
  }
}

type Keep = <Server extends { pid: number; stop: () => Promise<void> }>(name: string, server: Server) => Server

const openDatabase = async ({ directory, secrets, given, onProgress }: Options, keep: Keep) => {
  const { databaseUrl } = given
  if (databaseUrl)
    return provision(databaseUrl, secrets).catch((cause: unknown) => {
      throw new UnreachableError('Postgres', 'DATABASE_URL', databaseUrl, cause)
    })
  const logFile = join(directory, 'logs/postgres.log')
  const dataDirectory = join(directory, 'postgres')
  const { adminUrl } = keep('Postgres', await startPostgres({ dataDirectory, logFile, onProgress }))
  return provision(adminUrl, secrets)
}

const provision = async (serverUrl: string, { databasePasswords }: PlatformSecrets) => {
  const adminUrl = await ensureDatabase(serverUrl, databaseName)
  return { adminUrl, ...(await provisionDatabase(adminUrl, databasePasswords)) }
}

const openNats = async ({ directory, secrets, given, onProgress }: Options, keep: Keep) => {
  const passwords = secrets.natsPasswords
  if (given.natsUrl) return givenNats(given.natsUrl, passwords)
  const environment = Object.fromEntries(
    serviceNames.map((service) => [`${variablePrefix(service)}_NATS_PASSWORD`, passwords[service]])
  )
  const configFile = inRepository('infra/nats/nats.conf')
  const logFile = join(directory, 'logs/nats.log')
  const { url } = keep('NATS', await startNats({ configFile, environment, logFile, onProgress }))
  return natsEnvironment(url, (service) => ({ user: service, password: passwords[service] }))
}

type NatsUser = { user: string; password: string }

const natsEnvironment = (url: string, userOf: (service: ServiceName) => NatsUser) => ({
  environmentFor: (service: ServiceName) => {
    const { user, password } = userOf(service)
    return { NATS_URL: url, NATS_USER: user, NATS_PASSWORD: password }
  }
})

/** One user for all services where the URL names one; else a server that lets everybody in, or knows our own users. */
const givenNats = (natsUrl: string, passwords: Record<ServiceName, string>) => {
  const { protocol, host } = new URL(natsUrl)
  const user = natsUserOf(natsUrl)
  return natsEnvironment(`${protocol}//${host}`, (service) => user ?? { user: service, password: passwords[service] })
}

const openRedis = async ({ directory, secrets, given, onProgress }: Options, keep: Keep) => {
  const { redisUrl } = given
  if (redisUrl) return { urlFor: () => redisUrl }
  const logFile = join(directory, 'logs/redis.log')
  const dataDirectory = join(directory, 'redis')
  return keep('Redis', await startRedis({ passwords: secrets.redisPasswords, logFile, dataDirectory, onProgress }))
}
