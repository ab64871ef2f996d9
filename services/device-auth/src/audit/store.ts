import { newId } from '@onbehalf/service-kit'
import type { Kysely } from 'kysely'
import type { Database } from '../database.ts'

export type AuditEvent = {
  event:
    | 'oauth.device_flow_approved'
    | 'oauth.device_flow_denied'
    | 'oauth.device_code_cross_ip_poll'
    | 'oauth.token_issued'
    | 'oauth.token_revoked'
  tenant_id: string
  /** Who did it; null where nobody did. */
  actor_user_id: string | null
  token_id?: string
  client_id?: string
  device_label?: string
  ip?: string
  request_id?: string
  details?: Record<string, unknown>
}

export type AuditStore = ReturnType<typeof auditStore>

/** What happened, for those who look after the tenant; takes a transaction as well, so that both stand or fall. */
export const auditStore = (db: Kysely<Database>) => ({
  record: async (...events: AuditEvent[]): Promise<void> => {
    if (events.length > 0) await db.insertInto('audit_event').values(events.map(rowOf)).execute()
  }
})

const rowOf = ({ event, tenant_id, actor_user_id, details = {}, ...rest }: AuditEvent) => ({
  id: newId(),
  event,
  tenant_id,
  actor_user_id,
  token_id: rest.token_id ?? null,
  client_id: rest.client_id ?? null,
  device_label: rest.device_label ?? null,
  ip: rest.ip ?? null,
  request_id: rest.request_id ?? null,
  details: JSON.stringify(details)
})
