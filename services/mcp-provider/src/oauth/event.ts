import type { AuditContext, AuditDetails, AuditEvent } from '@onbehalf/service-kit'
import type { Holder } from './credential.ts'

type Verb = 'authorized' | 'revoked'

/** That somebody connected a provider with its authorization server, or took that back; never a value of it. */
export const credentialEvent = (
  by: AuditContext,
  verb: Verb,
  { provider_id, user_id }: Pick<Holder, 'provider_id' | 'user_id'>,
  details: AuditDetails = {}
): AuditEvent => ({
  ...by,
  action: `credential.${verb}`,
  subject: { kind: 'provider', id: provider_id },
  details: { holder: user_id === null ? 'tenant' : 'user', ...details }
})
