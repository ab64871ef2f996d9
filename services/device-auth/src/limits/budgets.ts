import rateLimit from '@fastify/rate-limit'
import { ReportedError } from '@onbehalf/errors'
import { type App, userOf } from '@onbehalf/service-kit'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Redis } from 'ioredis'
import { orUnavailable } from '../redis/or-unavailable.ts'

/** Counts the request; throws `too_many_requests` once the budget is used up, `unavailable` when nobody can count. */
export type Budget = (request: FastifyRequest) => Promise<void>

type Limit = { name: string; max: number; seconds: number; keyOf?: (request: FastifyRequest) => string }

// Each limit has its own keys. Left out, `keyOf` is the client's address (an IPv6 network counts as one).
const limits = {
  code: { name: 'code', max: 60, seconds: 3600 },
  lookup: { name: 'lookup', max: 60, seconds: 300 },
  decision: { name: 'decision', max: 10, seconds: 3600, keyOf: (request) => userOf(request).user_id }
} as const satisfies Record<string, Limit>

export type Budgets = Record<keyof typeof limits, Budget>

export const openBudgets = async (app: App, redis: Redis): Promise<Budgets> => ({
  code: await openBudget(app, redis, limits.code),
  lookup: await openBudget(app, redis, limits.lookup),
  decision: await openBudget(app, redis, limits.decision)
})

const openBudget = async (app: App, redis: Redis, { name, max, seconds, keyOf }: Limit): Promise<Budget> => {
  const counters: Counter[] = []
  const inOwnScope: FastifyPluginAsync = async (scope) => {
    await scope.register(rateLimit, {
      global: false,
      redis,
      nameSpace: `device-auth:limit:${name}:`,
      max,
      timeWindow: seconds * 1000,
      ...(keyOf ? { keyGenerator: keyOf } : {})
    })
    counters.push(scope.createRateLimit())
  }
  // The plugin keeps one store per scope.
  await app.register(inOwnScope)
  const [count] = counters
  if (!count) throw new Error(`the limit ${name} was not made`)
  return (request) => spend(count, request)
}

type Counter = ReturnType<App['createRateLimit']>

const spend = async (count: Counter, request: FastifyRequest): Promise<void> => {
  const used = await orUnavailable(count(request))
  if (used.isAllowed || !used.isExceeded) return
  throw new ReportedError('too_many_requests', 'Too many attempts. Wait a little, then try again.', {
    retry_after_seconds: Math.max(1, used.ttlInSeconds)
  })
}
