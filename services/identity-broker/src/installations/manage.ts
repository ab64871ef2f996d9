import { randomBytes } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'
import { hashOf, openPostgres } from '@onbehalf/service-kit'
import { inTransaction } from '../bootstrap/store.ts'
import type { Config } from '../config.ts'
import type { Database, Installation, Writing } from '../database.ts'
import { userStore } from '../users/store.ts'
import { overlapHours, putInstallation, putTenants, removeInstallation, rotateSecret } from './change.ts'
import { installationStore, type Spoken } from './store.ts'

/** One transaction: it is done whole, with its record, or not at all. */
type Command = (db: Writing, name: string, rest: readonly string[]) => Promise<unknown>

/**
 * `installation …`: what the administrator of the instance does with the platforms that ask at the inner listener.
 * Answers in JSON; a secret is shown once, where it is made.
 */
export const manageInstallations = async (
  config: Config,
  { args: [verb = '', name = '', ...rest] }: { args: readonly string[] }
): Promise<string> => {
  const command = new Map(Object.entries(commands)).get(verb)
  if (!command || (verb !== 'list' && !/^[^\p{Cc}]{1,64}$/u.test(name)))
    throw new ReportedError('invalid_request', usage)
  const { db, close } = await openPostgres<Database>(config.DATABASE_URL)
  try {
    return JSON.stringify(await inTransaction(db, (transaction) => command(transaction, name, rest)), null, 2)
  } finally {
    await close()
  }
}

const usage = `use one of:
  installation list
  installation create NAME TENANT…     prints its secret, once; TENANT is a slug, or slug=the installation's own id of it
  installation tenants NAME TENANT…    speaks for these tenants and no others
  installation rotate NAME [HOURS]     prints another secret; the one before works for HOURS more (${overlapHours})
  installation delete NAME`

const commands: Readonly<Record<string, Command>> = {
  list: async (db) =>
    (await installationStore(db).list()).map(({ secrets, ...one }) => ({ ...one, secrets: Number(secrets) })),

  create: async (db, name, tenants) => {
    const secret = newSecret()
    if (await installationStore(db).findByName(name))
      throw new ReportedError('conflict', `There is an installation "${name}" already.`)
    await putInstallation(db, { name, secret_hash: hashOf(secret), spoken: await spokenFrom(db, tenants) })
    return { installation: name, secret }
  },

  tenants: async (db, name, tenants) => {
    await putTenants(db, await find(db, name), await spokenFrom(db, tenants))
    return { installation: name, tenants }
  },

  rotate: async (db, name, [hours = String(overlapHours)]) => {
    if (!/^\d{1,4}$/.test(hours))
      throw new ReportedError('invalid_request', 'HOURS must be a whole number, such as 24.')
    const secret = newSecret()
    await rotateSecret(db, await find(db, name), hashOf(secret), Number(hours))
    return { installation: name, secret, previous_works_for_hours: Number(hours) }
  },

  delete: async (db, name) => {
    await removeInstallation(db, await find(db, name))
    return { deleted: name }
  }
}

const newSecret = () => randomBytes(32).toString('base64url')

const find = async (db: Writing, name: string): Promise<Installation> => {
  const found = await installationStore(db).findByName(name)
  if (found) return found
  throw new ReportedError('not_found', `There is no installation "${name}".`)
}

const spokenFrom = async (db: Writing, given: readonly string[]): Promise<Spoken[]> => {
  if (given.length === 0) throw new ReportedError('invalid_request', usage)
  const spoken: Spoken[] = []
  for (const one of given) {
    const [slug = '', external_id] = one.split('=', 2)
    const tenant = await userStore(db).findTenant(slug)
    if (!tenant) throw new ReportedError('not_found', `There is no tenant "${slug}".`)
    spoken.push({ tenant_id: tenant.id, external_id: external_id || null })
  }
  return spoken
}
