export { type Backends, type BackendsOptions, type Restartable, startBackends, type TestContext } from './backends.ts'
export { readUndescribed, watchArgument } from './description/watched.ts'
export { checkGiven, type GivenServers, readGiven } from './given/index.ts'
export { heldNow } from './held-now.ts'
export * from './http/index.ts'
export * from './idp/index.ts'
export * from './mcp-servers/index.ts'
export * from './platform/index.ts'
export * from './players/index.ts'
export * from './postgres-proxy/index.ts'
export { type CaddyOptions, type CaddyServer, startCaddy } from './servers/caddy.ts'
export {
  asService,
  cloneDatabase,
  dropDatabase,
  ensureDatabase,
  provisionDatabase,
  withClient,
  withDatabase
} from './servers/database.ts'
export { dieWithParent, withDeathSignal } from './servers/die-with-parent.ts'
export { type DnsAnswer, type DnsServer, startDns } from './servers/dns.ts'
export { dumpRows } from './servers/dump-rows.ts'
export {
  type FindOptions,
  findProgram,
  findPrograms,
  missingProgramLine,
  type Program,
  type Progress
} from './servers/find-program.ts'
export { claimPort, freePort } from './servers/free-port.ts'
export { isAlive } from './servers/is-alive.ts'
export { type NatsOptions, type NatsServer, startNats } from './servers/nats.ts'
export { type PostgresOptions, type PostgresServer, startPostgres } from './servers/postgres.ts'
export { type ProcessOptions, type RunningProcess, startProcess } from './servers/process.ts'
export { type ProcessEntry, processTable } from './servers/process-table.ts'
export { randomPassword } from './servers/random-password.ts'
export { type RedisOptions, type RedisServer, startRedis } from './servers/redis.ts'
export { removePostgresDirectory } from './servers/remove-postgres.ts'
export { compileCache, inRepository } from './servers/repository.ts'
export { perService, roleName, type ServiceName, serviceNames, variablePrefix } from './servers/service-names.ts'
export { readTestRun, recordSecrets, type TestRun, testRunDirectoryVariable, testRunVariable } from './test-run.ts'
export { eventually, until } from './until.ts'
export { untilLocked } from './until-locked.ts'
