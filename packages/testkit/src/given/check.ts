import type { ServiceName } from '@onbehalf/contracts'
import { checkNats } from './check-nats.ts'
import { checkPostgres } from './check-postgres.ts'
import { checkRedis } from './check-redis.ts'
import type { GivenServers } from './read.ts'

/** Tries each server that was given, as it will be used. Throws with a line for each that cannot be. */
export const checkGiven = async (
  { databaseUrl, natsUrl, redisUrl }: GivenServers,
  natsPasswords: Record<ServiceName, string>
): Promise<void> => {
  const checks = await Promise.allSettled([
    databaseUrl && checkPostgres(databaseUrl),
    natsUrl && checkNats(natsUrl, natsPasswords),
    redisUrl && checkRedis(redisUrl)
  ])
  const mistakes = checks.flatMap((check) => (check.status === 'rejected' ? [check.reason] : []))
  if (mistakes.length > 0) throw new Error(mistakes.map(wordsOf).join('\n'), { cause: mistakes })
}

const wordsOf = (reason: unknown) => (reason instanceof Error ? reason.message : String(reason))
