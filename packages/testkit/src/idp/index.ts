export type { TokenEndpointFault } from './faults.ts'
export type { IdpLog, IdpLogEntry } from './log.ts'
export { type Idp, type IdpClient, type IdpOptions, startIdp } from './start-idp.ts'
export type { IdpUser } from './users.ts'
