import type { Guard } from '../guard.ts'
import type { PoolOptions } from '../pools.ts'
import { connectTo } from './connect.ts'
import { isClosed, Lane } from './lane.ts'

/** The lanes to all origins, each there while it has a connection. */
export type Lanes = {
  to: (origin: string, isLoopbackOnly: boolean) => Pick<Lane, 'dispatch'>
  /** Takes no more calls, and resolves when all are over. Told again, it forgets those that were given up meanwhile. */
  close: () => Promise<void>
}

const sweepMs = 1_000

const closedLane: Pick<Lane, 'dispatch'> = { dispatch: (_, handler) => handler.onResponseError(undefined, isClosed()) }

export const createLanes = (guard: Guard, options: PoolOptions): Lanes => {
  const lanes = new Map<string, Lane>()
  const closed = Promise.withResolvers<void>()
  let isClosing = false
  let sweeping: NodeJS.Timeout | undefined

  const sweepLater = () => {
    sweeping ??= setTimeout(() => {
      sweeping = undefined
      const now = Date.now()
      for (const lane of lanes.values()) lane.sweep(now)
      if (lanes.size > 0) sweepLater()
    }, sweepMs).unref()
  }
  const open = (key: string, origin: string, isLoopbackOnly: boolean): Lane => {
    const lane: Lane = new Lane({
      connect: connectTo({ guard, origin: new URL(origin), isLoopbackOnly, timeoutMs: options.connectTimeoutMs }),
      host: new URL(origin).host,
      connectionsMax: options.connectionsPerOrigin,
      keepAliveMs: options.keepAliveMs,
      onEmpty: () => {
        // It may be told twice, and another one be there by then.
        if (lanes.get(key) === lane) lanes.delete(key)
        if (isClosing && lanes.size === 0) closed.resolve()
      }
    })
    lanes.set(key, lane)
    sweepLater()
    return lane
  }

  return {
    to: (origin, isLoopbackOnly) => {
      if (isClosing) return closedLane
      const key = isLoopbackOnly ? `loopback ${origin}` : origin
      return lanes.get(key) ?? open(key, origin, isLoopbackOnly)
    },
    close: () => {
      isClosing = true
      clearTimeout(sweeping)
      if (lanes.size === 0) closed.resolve()
      for (const lane of [...lanes.values()]) lane.close()
      return closed.promise
    }
  }
}
