import type { KeyTables } from '@onbehalf/service-kit'
import type { ColumnType, Generated } from 'kysely'

export type Database = KeyTables & {
  instance_secret: { name: string; sealed: Buffer; created_at: Generated<Date> }
  device_token: {
    id: string
    tenant_id: string
    user_id: string
    /** `onbehalf:account` for a member; never null, because NULLs are distinct in a unique index. */
    issuer: string
    client_id: string
    device_label: string
    prefix: string
    /** Null once revoked. */
    token_hash: string | null
    created_at: Generated<Date>
    last_used_at: Date | null
    expires_at: Date
    revoked_at: Date | null
  }
  audit_event: {
    id: string
    tenant_id: string | null
    event: string
    actor_user_id: string | null
    token_id: string | null
    client_id: string | null
    device_label: string | null
    ip: string | null
    request_id: string | null
    details: ColumnType<unknown, string, never>
    created_at: Generated<Date>
  }
}
