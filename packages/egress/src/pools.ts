import { isIP, type LookupFunction } from 'node:net'
import { LRUCache } from 'lru-cache'
import { Agent, buildConnector, type Dispatcher, Pool } from 'undici'
import type { Guard } from './guard.ts'
import { createRunning, type Running } from './running.ts'
import { bareHost, checkUrl, portOf } from './url.ts'

/** Kept connections by origin; every new one goes through the guard. */
export type Pools = {
  /** Where a URL leads, checked; what was checked before is not checked again. Throws as `checkUrl` does. */
  placeOf(text: string): Place
  of(url: Pick<URL, 'protocol'>, carriesCredential: boolean): Dispatcher
  running: Running
  close(graceMs: number): Promise<void>
}

export type Place = Readonly<Pick<URL, 'origin' | 'protocol' | 'hostname'>> & { readonly path: string }

export type PoolOptions = { connectTimeoutMs: number; connectionsPerOrigin: number; keepAliveMs: number }

const placesMax = 10_000

// One address is tried this long before the next one of the same name.
const attemptMs = 1_000

// Node asks for the address through this, and connects to what it answers and nothing else: there is no second
// look-up for a name to change its address in (DNS rebinding). TLS still verifies the name.
const guardedLookup =
  (guard: Guard, port: number, isLoopbackOnly: boolean): LookupFunction =>
  (hostname, _options, callback) => {
    guard({ hostname, port, isLoopbackOnly }).then(
      (addresses) =>
        callback(
          null,
          addresses.map((address) => ({ address, family: isIP(address) }))
        ),
      (error: Error) => callback(error, [])
    )
  }

const connectorFor = (
  guard: Guard,
  origin: URL,
  isLoopbackOnly: boolean,
  timeout: number
): buildConnector.connector => {
  const port = portOf(origin)
  const lookup = guardedLookup(guard, port, isLoopbackOnly)
  const connect = buildConnector({
    allowH2: false,
    timeout,
    lookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: attemptMs
  })
  if (isIP(bareHost(origin)) === 0) return connect
  // For a literal address Node asks no look-up, so the guard is asked first.
  return (options, callback) => {
    guard({ hostname: bareHost(origin), port, isLoopbackOnly }).then(
      () => connect(options, callback),
      (error: Error) => callback(error, null)
    )
  }
}

export const createPools = (guard: Guard, options: PoolOptions): Pools => {
  const agentFor = (isLoopbackOnly: boolean): Agent =>
    new Agent({
      factory: (origin) =>
        new Pool(origin, {
          connect: connectorFor(guard, new URL(origin), isLoopbackOnly, options.connectTimeoutMs),
          connections: options.connectionsPerOrigin,
          keepAliveTimeout: options.keepAliveMs,
          allowH2: false,
          pipelining: 1
        })
    })
  const open = agentFor(false)
  // Credentials over plain http have connections of their own: a kept one may lead to a listed address that is not loopback.
  const loopback = agentFor(true)
  const places = new LRUCache<string, Place>({ maxSize: placesMax, sizeCalculation: () => 1 })
  const running = createRunning()
  let closed: Promise<void> | undefined
  const cutOff = (): void => running.abortAll(new Error('the client is closing'))
  // An agent that is closing can no longer destroy what runs in it, so the calls are aborted one by one.
  const close = async (graceMs: number): Promise<void> => {
    const timer = setTimeout(cutOff, graceMs)
    await Promise.all([open.close(), loopback.close()])
    clearTimeout(timer)
  }
  return {
    placeOf: (text) => {
      const known = places.get(text)
      if (known) return known
      const { origin, protocol, hostname, pathname, search } = checkUrl(text)
      const place = { origin, protocol, hostname, path: `${pathname}${search}` }
      places.set(text, place)
      return place
    },
    of: (url, carriesCredential) => (carriesCredential && url.protocol === 'http:' ? loopback : open),
    running,
    close: (graceMs) => {
      closed ??= close(graceMs)
      return closed
    }
  }
}
