import { randomBytes } from 'node:crypto'
import type { AuditContext } from '@onbehalf/service-kit'
import type { Domain } from '../database.ts'
import { domainEvent } from './event.ts'
import { domainName } from './name.ts'
import type { DomainStore } from './store.ts'

/** What a record has to say, so that nobody sets it by chance. */
export const newToken = () => randomBytes(24).toString('base64url')

/** Says that a domain is the tenant's; it counts once that is proved. */
export const claimDomain = (
  domains: Pick<DomainStore, 'claim'>,
  audit: AuditContext,
  given: string
): Promise<Domain> => {
  const claim = { tenant_id: audit.tenant_id, name: domainName(given), token: newToken() }
  return domains.claim(claim, (id) => domainEvent(audit, 'claimed', { id, name: claim.name }))
}
