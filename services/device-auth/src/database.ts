import type { AuditTables, KeyTables } from '@onbehalf/service-kit'
import type { Generated } from 'kysely'

export type Database = KeyTables &
  AuditTables & {
    instance_secret: { name: string; sealed: Buffer; created_at: Generated<Date> }
    /** What a tenant has of its own; null or no row is what everybody has. */
    device_setting: { tenant_id: string; token_days: number | null }
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
  }
