import { addressOf } from '@onbehalf/service-kit'
import type { GivenServers } from './read.ts'

const servers = [
  { key: 'databaseUrl', name: 'Postgres', variable: 'DATABASE_URL' },
  { key: 'natsUrl', name: 'NATS', variable: 'NATS_URL' },
  { key: 'redisUrl', name: 'Redis', variable: 'REDIS_URL' }
] as const

/** A line for each server that was given, without its password. */
export const tellGiven = (given: GivenServers): string[] =>
  servers.flatMap(({ key, name, variable }) => {
    const url = given[key]
    return url === undefined ? [] : [`using ${name} at ${addressOf(url)} (${variable})`]
  })

/** The servers nobody gave. */
export const namesToStart = (given: GivenServers): string[] =>
  servers.filter(({ key }) => given[key] === undefined).map(({ name }) => name)
