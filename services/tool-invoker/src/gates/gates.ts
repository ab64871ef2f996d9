import type { CallSignal } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { Breaker, type BreakerLimits, saysServerAway, type Visit } from './breaker.ts'
import { createListening } from './listening.ts'
import { type PlaceLimits, Places } from './places.ts'
import { createRoom } from './room.ts'
import { createShares } from './shares.ts'

/** Between the calls and each server: one that is slow or dead keeps nobody from the others. */
export type Gates = {
  /**
   * Does the work when the server has a place for it. `isPatient` says that the caller waits as long as the provider's
   * settings do, so that a timeout is the server's.
   */
  through: <Value>(call: GatedCall, work: () => Promise<Value>) => Promise<Value>
  /** Does the work, which listens to the server, beside the calls; throws `upstream_unavailable` where too many do. */
  listening: <Value>(server: SharedServer, work: () => Promise<Value>) => Promise<Value>
}

/** Whose server it is, and where. */
export type SharedServer = { tenant_id: string; server_url: string }

export type GatedCall = {
  provider: SharedServer & { provider_id: string; revision: number }
  isPatient: boolean
  signal: CallSignal
}

export type GateLimits = BreakerLimits &
  PlaceLimits & {
    /** Calls to one origin under way in this process, of all tenants that have servers there. */
    originCallsMax: number
    /** Those who listen to one origin. Each holds a connection for as long as it does. */
    listenersMax: number
    /** Servers that something is remembered of: as many as there are providers held, or each call makes its gate anew. */
    gatesMax: number
  }

const defaults: GateLimits = {
  callsMax: 1_024,
  waitingMax: 1_024,
  originCallsMax: 4 * 1_024,
  listenersMax: 768,
  gatesMax: 100_000,
  failuresMax: 10,
  pauseMs: 2_000,
  pauseMsMax: 30_000
}

/** One for each call under way and each who listens: nobody waits for another tenant's connections. */
export const connectionsPerOrigin = defaults.originCallsMax + defaults.listenersMax

export const createGates = (given: Partial<GateLimits> = {}, now: () => number = Date.now): Gates => {
  const limits = { ...defaults, ...given }
  const shares = createShares(limits.originCallsMax)
  // Calls under way hold on to theirs; who comes later, where one had to make room, begins with a new one.
  const gateOf = createRoom({
    max: limits.gatesMax,
    // To read a URL takes longer than all the rest.
    make: (server_url: string) => ({
      origin: new URL(server_url).origin,
      places: new Places(limits),
      breaker: new Breaker(limits, now)
    }),
    isInUse: ({ places, breaker }) => !places.isEmpty() || breaker.isOpen()
  })

  return {
    // A revision of its own: what was held against the server at another address says nothing about this one.
    through: async ({ provider, isPatient, signal }, work) => {
      const { tenant_id, provider_id, revision, server_url } = provider
      const { origin, places, breaker } = gateOf(`${provider_id} ${revision}`, server_url)
      const place = places.take(signal)
      if (place !== undefined) await place
      let visit: Visit | undefined
      let giveBack: (() => void) | undefined
      try {
        giveBack = shares.take(tenant_id, origin)
        if (!giveBack) throw shareTaken()
        visit = breaker.enter()
        const made = await work()
        breaker.succeeded(visit)
        return made
      } catch (thrown) {
        if (visit) tellOf(breaker, visit, { thrown, isPatient, signal })
        throw thrown
      } finally {
        giveBack?.()
        places.giveBack()
      }
    },
    listening: createListening(limits)
  }
}

type Ended = Omit<GatedCall, 'provider'> & { thrown: unknown }

const tellOf = (breaker: Breaker, visit: Visit, { thrown, isPatient, signal }: Ended): void => {
  if (signal.aborted) breaker.left(visit)
  else if (!saysServerAway(thrown)) breaker.succeeded(visit)
  else if (isPatient || !isTimeout(thrown)) breaker.failed(visit)
  else breaker.left(visit)
}

const shareTaken = () =>
  new ReportedError(
    'upstream_unavailable',
    'Too many calls to where this MCP server is are under way. Try again shortly.',
    { retry_after_seconds: 1 }
  )

const isTimeout = (thrown: unknown): boolean => thrown instanceof ReportedError && thrown.code === 'upstream_timeout'
