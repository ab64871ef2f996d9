import { readFile } from 'node:fs/promises'
import type { Role } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { hashOf, newId, openPostgres, openVault, recordAudit } from '@onbehalf/service-kit'
import { requireStrongSecret, type Vault } from '@onbehalf/vault'
import { patternEvent } from '../audiences/event.ts'
import { checkPattern } from '../audiences/pattern.ts'
import { insertPattern } from '../audiences/store.ts'
import type { Config } from '../config.ts'
import type { Written } from '../connections/write.ts'
import type { App, Connection, Database, Tenant, User, Writing } from '../database.ts'
import { approveDomain } from '../domains/approve.ts'
import { putInstallation } from '../installations/change.ts'
import type { Spoken } from '../installations/store.ts'
import { appsLetBy } from '../members/let-by-store.ts'
import { userStore } from '../users/store.ts'
import { applyApp } from './apps.ts'
import { applyConnection } from './connections.ts'
import { type BootstrapFile, readBootstrapFile } from './file.ts'
import { bootstrapStore, inTransaction } from './store.ts'
import { tellOfMoves } from './tell.ts'

type Environment = Readonly<Record<string, string | undefined>>
type TenantEntry = BootstrapFile['tenants'][number]
type InstallationEntry = NonNullable<BootstrapFile['installations']>[number]

/**
 * `bootstrap FILE`: brings the database to what the file says; running it again changes nothing. Secrets are named in
 * the file and read from the environment. Answers with the ids of what the file names.
 */
export const applyBootstrapFile = async (
  config: Config,
  { args: [path], env }: { args: readonly string[]; env: Environment }
): Promise<string> => {
  if (!path) throw new ReportedError('invalid_request', 'Say which file: bootstrap FILE')
  const file = readBootstrapFile(await readFile(path, 'utf8'))
  const { db, close } = await openPostgres<Database>(config.DATABASE_URL)
  try {
    const vault = await openVault(db, config.MASTER_KEYS)
    const given = { env, written: [], apps: [], users: [] }
    // A tenant's first data key is made outside of the transaction, which must not wait for itself.
    const ids = await inTransaction(db, (transaction) => applyAll(transaction, vault, file, given))
    await tellOfMoves(config, vault, given)
    return JSON.stringify(ids)
  } finally {
    await close()
  }
}

/** What the file changed, for those who hold it. */
type Given = { env: Environment; written: Written[]; apps: Pick<App, 'id'>[]; users: Pick<User, 'id'>[] }

const applyAll = async (db: Writing, vault: Vault, file: BootstrapFile, given: Given) => {
  const tenants: Awaited<ReturnType<typeof applyTenant>>[] = []
  for (const entry of file.tenants) tenants.push(await applyTenant(db, vault, entry, given))
  const spokenOf = (named: InstallationEntry['tenants'][number]): Spoken => {
    const { slug, external_id } = typeof named === 'string' ? { slug: named, external_id: null } : named
    const found = tenants.find((tenant) => tenant.slug === slug)
    if (found) return { tenant_id: found.id, external_id }
    throw new ReportedError('invalid_request', `An installation names the tenant "${slug}", which is not in the file.`)
  }
  for (const { name, secret_env, tenants: named } of file.installations ?? []) {
    const secret_hash = hashOf(secretFrom(given.env, secret_env))
    await putInstallation(db, { name, secret_hash, spoken: named.map(spokenOf) })
  }
  return { tenants }
}

const applyTenant = async (db: Writing, vault: Vault, entry: TenantEntry, { env, written, apps, users }: Given) => {
  const tenant = await bootstrapStore(db).upsertTenant(entry.slug, entry.name)
  const connections: Connection[] = []
  for (const { client_secret_env, ...given } of entry.connections) {
    const client_secret = client_secret_env ? secretFrom(env, client_secret_env, 16) : null
    const one = await applyConnection(db, vault, tenant.id, { ...given, client_secret })
    connections.push(one.connection)
    written.push(one)
  }
  const members = await applyMembers(db, tenant, connections, entry)
  const moved = members.filter(({ isMoved }) => isMoved)
  users.push(...moved)
  const ids = moved.map(({ id }) => id)
  apps.push(...(await appsLetBy(db)(tenant.id, ids)).map((id) => ({ id })))
  apps.push(...(await applyApps(db, tenant, entry, { env, members })))
  await applyAudiencePatterns(db, tenant, entry)
  for (const domain of entry.domains ?? []) await approveDomain(db, tenant.id, domain)
  return { id: tenant.id, slug: tenant.slug, members: members.map(({ id, subject }) => ({ id, subject })) }
}

/** `isMoved`: they were known, and have another role now than somebody may hold. */
type Named = { id: string; subject: string; isMoved: boolean }

const applyMembers = async (
  db: Writing,
  { id: tenant_id }: Tenant,
  connections: Connection[],
  { members }: TenantEntry
): Promise<Named[]> => {
  const users = userStore(db)
  const named: Named[] = []
  for (const { connection: name, subject, email = null, role } of members) {
    const connection = connections.find((one) => one.name === name)
    if (!connection)
      throw new ReportedError('invalid_request', `A member names the connection "${name}", which is not in the file.`)
    const user = await users.ensure({ tenant_id, connection_id: connection.id }, { subject, email })
    const isGiven = await giveRole(db, user, role)
    named.push({ id: user.id, subject, isMoved: isGiven && !user.isNew })
  }
  return named
}

const giveRole = async (
  db: Writing,
  { id, tenant_id }: Pick<User, 'id' | 'tenant_id'>,
  role: Role
): Promise<boolean> => {
  const users = userStore(db)
  const held = (await users.findWithRole(tenant_id, id))?.role ?? null
  if (held === role) return false
  await users.setRole(tenant_id, id, role)
  const [action, details] = held
    ? (['member.role_changed', { from: held, to: role }] as const)
    : (['member.joined', { by: 'bootstrap', role }] as const)
  await recordAudit(db, { tenant_id, actor: { kind: 'system' }, action, subject: { kind: 'user', id }, details })
  return true
}

const applyApps = async (
  db: Writing,
  { id: tenant_id }: Tenant,
  { apps = [] }: TenantEntry,
  { env, members }: { env: Environment; members: Named[] }
): Promise<App[]> => {
  const moved: App[] = []
  for (const { name, api_key_env: key_name, act_for, listed: subjects = [] } of apps) {
    const listed = members.filter(({ subject }) => subjects.includes(subject)).map(({ id }) => id)
    const given = { name, key: secretFrom(env, key_name), key_name, act_for, listed }
    const { app, isMoved } = await applyApp(db, tenant_id, given)
    if (isMoved) moved.push(app)
  }
  return moved
}

/** Those of the file are added to what administrators allowed; none is taken away. */
const applyAudiencePatterns = async (
  db: Writing,
  { id: tenant_id }: Tenant,
  { audience_patterns = [] }: TenantEntry
) => {
  for (const pattern of audience_patterns) {
    checkPattern(pattern, 'audience_patterns')
    const row = { id: newId(), tenant_id, pattern }
    await insertPattern(db, row, patternEvent({ tenant_id, actor: { kind: 'system' } }, 'created', row))
  }
}

const secretFrom = (env: Environment, name: string, bytes = 32): string => requireStrongSecret(name, env[name], bytes)
