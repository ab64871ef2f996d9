import type { KeyTables } from '@onbehalf/service-kit'
import type { Generated } from 'kysely'

/** One invocation of a tool, as it is kept: who, where, what and how it ended, never what was said. */
export type CallTable = {
  id: string
  tenant_id: string
  user_id: string | null
  app_id: string | null
  credential_kind: 'session' | 'device_token' | 'api_key'
  credential_id: string
  /** Null where the identifier named no provider of the tenant. */
  provider_id: string | null
  server_identifier: string
  tool: string
  /** base64url SHA-256 over the RFC 8785 form of the arguments. */
  arguments_digest: string
  mode: string | null
  audience: string | null
  token_jti: string | null
  /** `ok`, `tool_error`, or the code of the error the caller was told. */
  outcome: string
  /** The status the MCP server answered with, where it is known. */
  upstream_status: number | null
  started_at: Date
  finished_at: Date
}

/** A key that a caller gave to a call, and what came of it. */
type IdempotencyTable = {
  tenant_id: string
  principal_id: string
  /** The user it was for, or the app itself. */
  acting_id: string
  key_hash: string
  body_digest: string
  is_finished: Generated<boolean>
  /** Sealed by the vault; null where there is none or it was too large. */
  answer: Buffer | null
  created_at: Generated<Date>
}

export type Database = KeyTables & {
  call: CallTable
  idempotency: IdempotencyTable
  instance_secret: { name: string; sealed: Buffer }
}
