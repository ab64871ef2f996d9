export {
  type Access,
  administrators,
  anyUser,
  type CredentialKind,
  isAdministrator,
  orExternals,
  orKeyFor,
  type RouteFact
} from './access.ts'
export { type AuditContext, type AuditEvent, auditContextOf, recordAudit } from './audit/record.ts'
export { auditRoutes } from './audit/routes.ts'
export { type AuditDetails, type AuditTables, createAuditTable, dropAuditTable } from './audit/tables.ts'
export { type Authenticators, type Caller, callerOf, isFromUs, type Resolving, userOf } from './authenticate.ts'
export {
  baseVariables,
  egressAllowVariable,
  masterKeysVariable,
  portVariable,
  redisTimeoutVariable,
  redisVariable,
  signingKeyDaysVariable
} from './base-variables.ts'
export { openBus } from './bus.ts'
export { busAuthenticators, busSessionKeys, tagsOfPrincipal } from './bus-authenticators.ts'
export {
  ConfigError,
  type ConfigOf,
  integer,
  list,
  loadConfig,
  oneOf,
  origin,
  publicOrigin,
  serverUrl,
  strongSecret,
  text,
  type Variable,
  type Variables,
  variable
} from './config.ts'
export { type App, type AppOptions, callOptionsOf, createApp, typed } from './create-app.ts'
export { readCursor, writeCursor } from './cursor.ts'
export { describeAnswersAs } from './description/describe.ts'
export type { RouteError } from './description/errors.ts'
export { beginError, errorHandler, renderError, renderOAuthError, reportedOf } from './error-handler.ts'
export { countFailures, networkOf } from './failures.ts'
export { type Dependency, within } from './health.ts'
export { hashOf, isSameSecret, newId } from './ids.ts'
export { keyCommands } from './keys/commands.ts'
export { openInstanceSecret } from './keys/instance-secret.ts'
export { openSigningKeys, openSigningKeysOf, type SigningKeysOf } from './keys/open-signing-keys.ts'
export type { SigningKeys } from './keys/signing-keys.ts'
export {
  addKeyRotation,
  createKeyTables,
  dropKeyRotation,
  dropKeyTables,
  type InstanceSecretTable,
  type KeyTables
} from './keys/tables.ts'
export { openVault, vaultDependency } from './keys/vault.ts'
export { type Log, type LogLevel, logLevels, logOptions } from './logger.ts'
export { ownServers } from './own-servers.ts'
export { isOutdated, showErrorsAs } from './page/error-pages.ts'
export { type Html, html } from './page/html.ts'
export { pageText, sendPage, type View } from './page/send-page.ts'
export { styleHash } from './page/style.ts'
export { cursorQuery, type Page, pageAnswer, pageQuery, takePage } from './paging.ts'
export {
  databaseTime,
  type Migrations,
  migrate,
  openPostgres,
  type Postgres,
  type Prepared,
  type RunPrepared
} from './postgres.ts'
export { redact } from './redact.ts'
export { openRedis, type RedisHandle } from './redis.ts'
export { defineScript, type Script } from './redis-script.ts'
export { type Job, repeat } from './repeat.ts'
export { runService, type ServiceDefinition } from './run-service.ts'
export { AskedTime, askedText, orNull, wordOf } from './schema.ts'
export { addressOf } from './server-address.ts'
export { type FindSessionKey, readSession, registerSessions, SessionClaims } from './session.ts'
export { cookieNamesFor, renewalPath, sessionType } from './session-cookie.ts'
export { timeText } from './time-text.ts'
export { Refusal, UnreachableError } from './unreachable-error.ts'
export { type FindVisitor, findVisitorBy, type Visitor } from './visitor.ts'
export { countInWindows } from './windows.ts'
