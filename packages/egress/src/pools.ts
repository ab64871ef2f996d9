import { LRUCache } from 'lru-cache'
import { Agent, type Dispatcher, Pool } from 'undici'
import { connectorFor } from './connector.ts'
import type { Guard } from './guard.ts'
import { createRunning, type Running } from './running.ts'
import { checkUrl } from './url.ts'
import type { Lane } from './wire/lane.ts'
import { createLanes } from './wire/lanes.ts'

/** Kept connections by origin; every new one goes through the guard. */
export type Pools = {
  /** Where a URL leads, checked; what was checked before is not checked again. Throws as `checkUrl` does. */
  placeOf(text: string): Place
  of(url: Pick<URL, 'protocol'>, carriesCredential: boolean): Dispatcher
  laneTo(origin: string, protocol: string, carriesCredential: boolean): Pick<Lane, 'dispatch'>
  running: Running
  close(graceMs: number): Promise<void>
}

export type Place = Readonly<Pick<URL, 'origin' | 'protocol' | 'hostname'>> & { readonly path: string }

export type PoolOptions = { connectTimeoutMs: number; connectionsPerOrigin: number; keepAliveMs: number }

// Some 100,000 of common length. A server may name many, and long ones.
const placesBytesMax = 32 * 1024 * 1024

export const createPools = (guard: Guard, options: PoolOptions): Pools => {
  const agentFor = (isLoopbackOnly: boolean): Agent =>
    new Agent({
      factory: (origin) =>
        new Pool(origin, {
          connect: connectorFor({
            guard,
            origin: new URL(origin),
            isLoopbackOnly,
            timeoutMs: options.connectTimeoutMs
          }),
          connections: options.connectionsPerOrigin,
          keepAliveTimeout: options.keepAliveMs,
          allowH2: false,
          pipelining: 1
        })
    })
  const open = agentFor(false)
  // Credentials over plain http have connections of their own: a kept one may lead to a listed address that is not loopback.
  const loopback = agentFor(true)
  const places = new LRUCache<string, Place>({
    maxSize: placesBytesMax,
    sizeCalculation: ({ path }, text) => 200 + text.length + path.length
  })
  const lanes = createLanes(guard, options)
  const running = createRunning()
  let closed: Promise<void> | undefined
  const cutOff = (): void => {
    running.abortAll(new Error('the client is closing'))
    void lanes.close()
  }
  // An agent that is closing can no longer destroy what runs in it, so the calls are aborted one by one.
  const close = async (graceMs: number): Promise<void> => {
    const timer = setTimeout(cutOff, graceMs)
    await Promise.all([open.close(), loopback.close(), lanes.close()])
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
    laneTo: (origin, protocol, carriesCredential) => lanes.to(origin, carriesCredential && protocol === 'http:'),
    running,
    close: (graceMs) => {
      closed ??= close(graceMs)
      return closed
    }
  }
}
