import { ReportedError } from '@onbehalf/errors'
import { openPostgres } from '@onbehalf/service-kit'
import { inTransaction } from '../bootstrap/store.ts'
import type { Config } from '../config.ts'
import type { Database, Writing } from '../database.ts'
import { userStore } from '../users/store.ts'
import { approveDomain, releaseDomain } from './approve.ts'

/** `domain …`: the instance administrator's word about whose an e-mail domain is. Answers in JSON. */
export const manageDomains = async (
  config: Config,
  { args: [verb = '', ...rest] }: { args: readonly string[] }
): Promise<string> => {
  const command = new Map(Object.entries(commands)).get(verb)
  if (!command) throw new ReportedError('invalid_request', usage)
  const { db, close } = await openPostgres<Database>(config.DATABASE_URL)
  try {
    return JSON.stringify(await inTransaction(db, (transaction) => command(transaction, rest)))
  } finally {
    await close()
  }
}

const usage = `use one of:
  domain approve TENANT DOMAIN   it is this tenant's, without a record in DNS; TENANT is a slug
  domain release DOMAIN          it is nobody's any more`

type Command = (db: Writing, rest: readonly string[]) => Promise<unknown>

const commands: Readonly<Record<string, Command>> = {
  approve: async (db, [slug = '', domain = '']) => {
    if (!domain) throw new ReportedError('invalid_request', usage)
    const tenant = await userStore(db).findTenant(slug)
    if (!tenant) throw new ReportedError('not_found', `There is no tenant "${slug}".`)
    return { approved: await approveDomain(db, tenant.id, domain), tenant: tenant.slug }
  },
  release: async (db, [domain = '']) => {
    if (!domain) throw new ReportedError('invalid_request', usage)
    const released = await releaseDomain(db, domain)
    if (!released) throw new ReportedError('not_found', `"${domain}" is not verified for any tenant.`)
    return { released: released.name }
  }
}
