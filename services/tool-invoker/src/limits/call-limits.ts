import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { Principal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type App, callerOf } from '@onbehalf/service-kit'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { count, createSlices, type Slice, type Slices } from './slices.ts'
import type { TakeSlice } from './store.ts'

/**
 * Counts a call to a provider, or with '' a request to none of them; throws `too_many_requests` where one of its limits is
 * used up. A promise only where Redis is asked.
 */
export type CallLimits = (
  request: FastifyRequest,
  reply: FastifyReply,
  serverIdentifier: string
) => Promise<void> | undefined

/** Calls in a minute; 0 is without a limit. */
export type CallMaxima = { principal: number; tenant: number; provider: number }

const windowMs = 60_000

type Limited = {
  max: number
  prefix: string
  groupOf: (principal: Principal) => string
  idOf: (principal: Principal, serverIdentifier: string) => string
}
type Counter = ReturnType<App['createRateLimit']>
type Counted = Extract<Awaited<ReturnType<Counter>>, { isAllowed: false }>

/** The limits on calls: of each caller, of each tenant and of each provider of a tenant, each with its own keys. */
export const openCallLimits = async (app: App, take: TakeSlice, maxima: CallMaxima): Promise<CallLimits> => {
  const all: Limited[] = [
    { max: maxima.principal, prefix: '', groupOf: ({ kind }) => kind, idOf: callerIdOf },
    { max: maxima.tenant, prefix: '', groupOf: () => 'tenant', idOf: ({ tenant_id }) => tenant_id },
    { max: maxima.provider, prefix: 'provider:', groupOf: ({ tenant_id }) => tenant_id, idOf: (_, server) => server }
  ]
  const wanted = all.filter(({ max }) => max > 0).map((limited) => ({ ...limited, slices: slicesOf(take, limited) }))
  const servers = new WeakMap<FastifyRequest, string>()
  const counters: Counter[] = []
  for (const { max, groupOf, idOf, slices } of wanted) {
    const keyGenerator = (request: FastifyRequest) => {
      const { principal } = callerOf(request)
      return `${groupOf(principal)}${between}${idOf(principal, servers.get(request) ?? '')}`
    }
    counters.push(await openCounter(app, slices, { max, keyGenerator }))
  }
  const ask = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const counted = await Promise.all(counters.map((counter) => counter(request)))
    let longest: Counted | undefined
    for (const one of counted) if (!one.isAllowed && one.isExceeded && one.ttl > (longest?.ttl ?? 0)) longest = one
    if (longest) throw refuse(reply, longest)
  }
  /** Counts it where all that is held lasts for it, else nowhere. */
  const spendHeld = (principal: Principal, serverIdentifier: string): boolean => {
    const at = Date.now()
    const held: Slice[] = []
    for (const { groupOf, idOf, slices } of wanted) {
      const slice = slices.peek(groupOf(principal), idOf(principal, serverIdentifier), at)
      if (!slice) return false
      held.push(slice)
    }
    for (const slice of held) count(slice, at)
    return true
  }
  return (request, reply, serverIdentifier) => {
    if (spendHeld(callerOf(request).principal, serverIdentifier)) return undefined
    servers.set(request, serverIdentifier)
    return ask(request, reply)
  }
}

// Neither a kind, nor an id, nor an identifier has one.
const between = ' '

const slicesOf = (take: TakeSlice, { max, prefix }: Limited): Slices =>
  createSlices(take, { max, windowMs, keyOf: (group, id) => `${prefix}${group}:${id}` })

const callerIdOf = (principal: Principal): string => (principal.kind === 'app' ? principal.app_id : principal.user_id)

type Opened = { max: number; keyGenerator: (request: FastifyRequest) => string }

const openCounter = async (
  app: App,
  { spend }: Pick<Slices, 'spend'>,
  { max, keyGenerator }: Opened
): Promise<Counter> => {
  const counters: Counter[] = []
  const inOwnScope: FastifyPluginAsync = async (scope) => {
    await scope.register(rateLimit, {
      ...{ global: false, max, timeWindow: windowMs, keyGenerator },
      store: class implements FastifyRateLimitStore {
        incr(key: string, done: (error: Error | null, spent?: { current: number; ttl: number }) => void) {
          const [group = '', id = ''] = key.split(between)
          spend(group, id).then(
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
