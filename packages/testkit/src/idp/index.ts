import type { startAuthorizationServer as StartAuthorizationServer } from './authorization-server.ts'
import type { startIdp as StartIdp } from './start-idp.ts'

export type { AuthorizationServer } from './authorization-server.ts'
export type { MakeAnswer, TokenAnswer, TokenEndpointFault } from './faults.ts'
export type { HeldRequest } from './hold.ts'
export type { IdpLog, IdpLogEntry } from './log.ts'
export type { Presentation } from './presentations.ts'
export type { Idp, IdpClient, IdpOptions } from './start-idp.ts'
export type { IdpUser } from './users.ts'

// What they are made of is loaded when one is started: it is a tenth of what a test file loads, and most start none.

export const startAuthorizationServer: typeof StartAuthorizationServer = async (options) =>
  (await import('./authorization-server.ts')).startAuthorizationServer(options)

export const startIdp: typeof StartIdp = async (options) => (await import('./start-idp.ts')).startIdp(options)
