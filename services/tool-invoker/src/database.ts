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

export type Database = { call: CallTable }
