import type { Writing } from '../database.ts'
import { newToken } from './claim.ts'
import { domainEvent } from './event.ts'
import { domainName } from './name.ts'
import { instanceDomains } from './store.ts'

const system = { kind: 'system' } as const

/** The instance administrator's word that a domain is a tenant's. Throws `conflict` where it is another's. */
export const approveDomain = async (db: Writing, tenant_id: string, given: string): Promise<string> => {
  const domains = instanceDomains(db)
  const domain = await domains.put({ tenant_id, name: domainName(given), token: newToken() })
  await domains.verify(domain.id, domainEvent({ tenant_id, actor: system }, 'verified', domain, { by: 'instance' }))
  return domain.name
}

/** Takes a domain from the tenant that has it, so that another one may; undefined where none has it. */
export const releaseDomain = (db: Writing, given: string) =>
  instanceDomains(db).release(domainName(given), (domain) =>
    domainEvent({ tenant_id: domain.tenant_id, actor: system }, 'deleted', domain)
  )
