import type { AuditTables, InstanceSecretTable, KeyTables } from '@onbehalf/service-kit'
import type { ColumnType, Generated } from 'kysely'

/** What a tenant is told of a sign-in, but for the link that ends it: that is made when it is sent. */
export type SignInFacts = {
  token_id: string
  /** Which of the sign-ins of that row it was. */
  sign_in: string
  user_id: string
  subject_type: string
  subject_issuer?: string
  client_id: string
  device_label: string
  /** Where the token was handed out, and where the flow was begun. */
  ip: string
  started_from_ip: string
  expires_at: string
}

export type Database = KeyTables &
  InstanceSecretTable &
  AuditTables & {
    /** What a tenant has of its own; null or no row is what everybody has. */
    device_setting: { tenant_id: string; token_days: number | null; approval_max_age: number | null }
    device_webhook: {
      tenant_id: string
      id: string
      url: Buffer
      secret: Buffer
      created_at: Generated<Date>
      last_delivered_at: Date | null
      last_failed_at: Date | null
      /** In words for administrators. */
      last_error: string | null
    }
    webhook_delivery: {
      id: string
      tenant_id: string
      facts: ColumnType<SignInFacts, string, never>
      attempts: Generated<number>
      due_at: Generated<Date>
      created_at: Generated<Date>
      /** Set once it was delivered or given up. */
      ended_at: Date | null
    }
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
