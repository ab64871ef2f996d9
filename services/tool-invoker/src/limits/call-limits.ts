import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import { ReportedError } from '@onbehalf/errors'
import { type App, callerOf } from '@onbehalf/service-kit'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { createSlices, type Slices } from './slices.ts'
import type { TakeSlice } from './store.ts'

/** Counts a call to a provider, or with '' a request to none of them; throws `too_many_requests` where one of its limits is used up. */
export type CallLimits = (request: FastifyRequest, reply: FastifyReply, serverIdentifier: string) => Promise<void>

/** Calls in a minute; 0 is without a limit. */
export type CallMaxima = { principal: number; tenant: number; provider: number }

const windowMs = 60_000

type Counter = ReturnType<App['createRateLimit']>
type Counted = Extract<Awaited<ReturnType<Counter>>, { isAllowed: false }>

/** The limits on calls: of each caller, of each tenant and of each provider of a tenant, each with its own keys. */
export const openCallLimits = async (app: App, take: TakeSlice, maxima: CallMaxima): Promise<CallLimits> => {
  const slices = createSlices(take)
  const providers = new WeakMap<FastifyRequest, string>()
  const tenantOf = (request: FastifyRequest) => callerOf(request).principal.tenant_id
  const providerOf = (request: FastifyRequest) => `provider:${tenantOf(request)}:${providers.get(request)}`
  const all: Opened[] = [
    { max: maxima.principal, keyOf: principalOf },
    { max: maxima.tenant, keyOf: (request) => `tenant:${tenantOf(request)}` },
    { max: maxima.provider, keyOf: providerOf }
  ]
  const wanted = all.filter(({ max }) => max > 0)
  const counters: Counter[] = []
  for (const one of wanted) counters.push(await openCounter(app, slices, one))
  return async (request, reply, serverIdentifier) => {
    providers.set(request, serverIdentifier)
    if (slices.spendHeld(wanted.map(({ keyOf }) => keyOf(request)))) return
    const counted = await Promise.all(counters.map((count) => count(request)))
    let longest: Counted | undefined
    for (const one of counted) if (!one.isAllowed && one.isExceeded && one.ttl > (longest?.ttl ?? 0)) longest = one
    if (longest) throw refuse(reply, longest)
  }
}

const principalOf = (request: FastifyRequest): string => {
  const { principal } = callerOf(request)
  return principal.kind === 'app' ? `app:${principal.app_id}` : `user:${principal.user_id}`
}

type Opened = { max: number; keyOf: (request: FastifyRequest) => string }

const openCounter = async (app: App, { spend }: Pick<Slices, 'spend'>, { max, keyOf }: Opened): Promise<Counter> => {
  const counters: Counter[] = []
  const inOwnScope: FastifyPluginAsync = async (scope) => {
    await scope.register(rateLimit, {
      ...{ global: false, max, timeWindow: windowMs, keyGenerator: keyOf },
      store: class implements FastifyRateLimitStore {
        incr(key: string, done: (error: Error | null, spent?: { current: number; ttl: number }) => void) {
          spend(key, { max, windowMs }).then(
            ({ current, ttlMs }) => done(null, { current, ttl: ttlMs }),
            (error: Error) => done(error)
          )
        }
        child() {
          return this
        }
      }
    })
    counters.push(scope.createRateLimit())
  }
  // The plugin keeps one store per scope.
  await app.register(inOwnScope)
  const [counter] = counters
  if (!counter) throw new Error('a limit was not made')
  return counter
}

// draft-ietf-httpapi-ratelimit-headers-06: the names that are widely read; -07 has one field in their place.
const refuse = (reply: FastifyReply, { max, ttlInSeconds }: Counted): ReportedError => {
  const seconds = Math.max(1, ttlInSeconds)
  reply.headers({ 'ratelimit-limit': max, 'ratelimit-remaining': 0, 'ratelimit-reset': seconds })
  return new ReportedError('too_many_requests', `At most ${max} calls a minute are made here. Try again later.`, {
    retry_after_seconds: seconds
  })
}
