import type { InstanceSecretTable, KeyTables } from '@onbehalf/service-kit'
import type { Generated } from 'kysely'

/** One invocation of a tool, as it is kept: who, where, what and how it ended, never what was said. */
export type CallTable = {
  id: string
  /** intent: about to be made, in strict mode · outcome: what came of it. */
  kind: 'intent' | 'outcome'
  /** Of an intent, the call that it is about; that has its own record once it has ended. */
  call_id: string | null
  tenant_id: string
  user_id: string | null
  app_id: string | null
  credential_kind: 'session' | 'device_token' | 'api_key'
  credential_id: string
  /** Null where the identifier named no provider of the tenant. */
  provider_id: string | null
  server_identifier: string
  tool: string
  /** Of its entry in the catalogue; null where it has none. */
  tool_hash: string | null
  /** base64url SHA-256 over the RFC 8785 form of the arguments; at rest an HMAC of that. */
  arguments_digest: string
  /** Kept only where the provider's administrator wants that: sealed, as base64. */
  arguments: string | null
  mode: string | null
  audience: string | null
  /** Whom the token named to the MCP server; null where none went out. */
  subject: string | null
  token_jti: string | null
  /**
   * `ok`, `tool_error`, `input_required`, or the code of the error the caller was told; `replayed` where an earlier answer
   * was given again.
   */
  outcome: string
  /** The status the MCP server answered with, where it is known. */
  upstream_status: number | null
  started_at: Date
  finished_at: Date
}

/** A record as it rests. Null in all of these where it was written before there were chains. */
type CallRowTable = Omit<CallTable, 'kind'> & {
  kind: 'intent' | 'outcome' | null
  writer: string | null
  sequence: string | null
  mac: string | null
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

export type Database = KeyTables &
  InstanceSecretTable & {
    call: CallRowTable
    call_checkpoint: { id: string; statement: string; created_at: Generated<Date> }
    idempotency: IdempotencyTable
  }
