import type { AuditContext } from '@onbehalf/service-kit'

/** What is put on record of a change of an app: the fields, never their values. */
export const appEvent = (
  audit: AuditContext,
  verb: 'created' | 'updated' | 'deleted',
  id: string,
  fields: string[] = []
) => ({ ...audit, action: `app.${verb}`, subject: { kind: 'app', id }, details: { fields } })
