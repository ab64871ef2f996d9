import { isIP, type LookupFunction, type OnReadOpts } from 'node:net'
import { buildConnector } from 'undici'
import type { Guard } from './guard.ts'
import { bareHost, portOf } from './url.ts'

/** How the connections to one place are opened: each of them goes through the guard. */
export type Connecting = {
  guard: Guard
  origin: URL
  isLoopbackOnly: boolean
  timeoutMs: number
  /** Where what comes is read into; by the socket itself where left out. */
  onread?: OnReadOpts
}

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

export const connectorFor = ({
  guard,
  origin,
  isLoopbackOnly,
  timeoutMs,
  onread
}: Connecting): buildConnector.connector => {
  const port = portOf(origin)
  const lookup = guardedLookup(guard, port, isLoopbackOnly)
  const connect = buildConnector({
    allowH2: false,
    timeout: timeoutMs,
    lookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: attemptMs,
    ...(onread && { onread })
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
