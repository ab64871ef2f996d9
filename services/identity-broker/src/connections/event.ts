import type { AuditContext, AuditDetails, AuditEvent } from '@onbehalf/service-kit'

type Verb = 'created' | 'updated' | 'deleted' | 'moved' | 'suspected'

/** That this happened to a connection; details are names and counts, never a value of its settings. */
export const connectionEvent = (audit: AuditContext, verb: Verb, id: string, details: AuditDetails): AuditEvent => ({
  ...audit,
  action: `connection.${verb}`,
  subject: { kind: 'connection', id },
  details
})
