import { join } from 'node:path'
import { ensureDatabase, provisionDatabase } from '../servers/database.ts'
import { startNats } from '../servers/nats.ts'
import { startPostgres } from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'
import { inRepository } from '../servers/repository.ts'
import { type ServiceName, serviceNames, variablePrefix } from '../servers/service-names.ts'
import type { PlatformSecrets } from './secrets.ts'

/** Servers that are there already: the administrator's URL of each. */
export type GivenServers = { databaseUrl?: string; natsUrl?: string; redisUrl?: string }

export type Backing = {
  environmentFor: (service: ServiceName) => Record<string, string>
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
  const logFile = join(directory, 'logs/postgres.log')
  const dataDirectory = join(directory, 'postgres')
  const server = given.databaseUrl
    ? { adminUrl: given.databaseUrl }
    : keep('Postgres', await startPostgres({ dataDirectory, logFile, onProgress }))
  const adminUrl = await ensureDatabase(server.adminUrl, 'onbehalf')
  return { adminUrl, ...(await provisionDatabase(adminUrl, secrets.databasePasswords)) }
}

const openNats = async ({ directory, secrets, given, onProgress }: Options, keep: Keep) => {
  if (given.natsUrl) return givenNats(given.natsUrl)
  const environment = Object.fromEntries(
    serviceNames.map((service) => [`${variablePrefix(service)}_NATS_PASSWORD`, secrets.natsPasswords[service]])
  )
  const configFile = inRepository('infra/nats/nats.conf')
  const logFile = join(directory, 'logs/nats.log')
  const { url } = keep('NATS', await startNats({ configFile, environment, logFile, onProgress }))
  const passwords = secrets.natsPasswords
  return {
    environmentFor: (service: ServiceName) => ({
      NATS_URL: url,
      NATS_USER: service,
      NATS_PASSWORD: passwords[service]
    })
  }
}

// A server of somebody else has its own users: those of infra/nats/nats.conf, or the one the URL names.
const givenNats = (natsUrl: string) => {
  const { username, password, host } = new URL(natsUrl)
  return {
    environmentFor: (service: ServiceName) => ({
      NATS_URL: `nats://${host}`,
      NATS_USER: username || service,
      NATS_PASSWORD: decodeURIComponent(password)
    })
  }
}

const openRedis = async ({ directory, secrets, given, onProgress }: Options, keep: Keep) => {
  const { redisUrl } = given
  if (redisUrl) return { urlFor: () => redisUrl }
  const logFile = join(directory, 'logs/redis.log')
  const dataDirectory = join(directory, 'redis')
  return keep('Redis', await startRedis({ passwords: secrets.redisPasswords, logFile, dataDirectory, onProgress }))
}
