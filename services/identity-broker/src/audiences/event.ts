import type { AuditContext, AuditEvent } from '@onbehalf/service-kit'

/** That somebody did this to a pattern of their tenant. */
export const patternEvent = (
  context: AuditContext,
  verb: 'created' | 'deleted',
  { id, pattern }: { id: string; pattern?: string }
): AuditEvent => ({
  ...context,
  action: `audience_pattern.${verb}`,
  subject: { kind: 'audience_pattern', id },
  ...(pattern === undefined ? {} : { details: { pattern } })
})
