export { type HeldCommit, type PostgresProxy, startPostgresProxy } from './proxy.ts'
