import type { AuditContext } from '@onbehalf/service-kit'
import { domainEvent } from './event.ts'
import { noSuchDomain, notProved } from './problems.ts'
import { recordOf } from './record.ts'
import type { DomainStore } from './store.ts'
import type { LookUpTxt } from './txt-lookup.ts'

type Needs = { domains: Pick<DomainStore, 'find' | 'markVerified' | 'markUnproved'>; lookUpTxt: LookUpTxt }

/**
 * Looks for the proof in DNS. Found, the domain is the tenant's; not found, it is not, or not any more; when nobody
 * answers, all stays as it is.
 */
export const verifyDomain = async ({ domains, lookUpTxt }: Needs, audit: AuditContext, id: string): Promise<void> => {
  const domain = await domains.find(audit.tenant_id, id)
  if (!domain) throw noSuchDomain()
  const record = recordOf(domain)
  const found = await lookUpTxt(record.name)
  if (found.includes(record.value))
    return domains.markVerified(id, 'dns', domainEvent(audit, 'verified', domain, { by: 'dns' }))
  await domains.markUnproved(id, domainEvent(audit, 'unverified', domain, { by: 'dns' }))
  throw notProved(record.name, found.length)
}
