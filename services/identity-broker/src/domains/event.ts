import type { AuditContext, AuditDetails, AuditEvent } from '@onbehalf/service-kit'
import type { Domain } from '../database.ts'

type Verb = 'claimed' | 'verified' | 'unverified' | 'deleted'

/** What happened to a tenant's claim of a domain. */
export const domainEvent = (
  audit: AuditContext,
  verb: Verb,
  { id, name }: Pick<Domain, 'id' | 'name'>,
  details: AuditDetails = {}
): AuditEvent => ({
  ...audit,
  action: `domain.${verb}`,
  subject: { kind: 'domain', id },
  details: { domain: name, ...details }
})
