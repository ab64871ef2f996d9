import type { AuditDetails, AuditEvent } from '@onbehalf/service-kit'
import type { Asker } from '../asker.ts'

type Verb = 'created' | 'updated' | 'deleted' | 'tools_refreshed' | 'tools_approved'

/** That the asker did this to a provider; details are names and counts, never a value of its settings. */
export const providerEvent = ({ audit }: Asker, verb: Verb, id: string, details: AuditDetails = {}): AuditEvent => ({
  ...audit,
  action: `provider.${verb}`,
  subject: { kind: 'provider', id },
  details
})
