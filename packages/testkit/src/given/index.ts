export { checkGiven } from './check.ts'
export { type GivenServers, natsUserOf, readGiven } from './read.ts'
export { namesToStart, tellGiven } from './tell.ts'
