import type { IdentityMode } from '@onbehalf/contracts'
import type { AuditTables, KeyTables } from '@onbehalf/service-kit'
import type { ColumnType, Generated, Insertable, Selectable, Updateable } from 'kysely'
import type { ToolDefinition, ToolsStatus } from './tools/tool.ts'

type ProviderTable = {
  id: ColumnType<string, string, never>
  tenant_id: ColumnType<string, string, never>
  name: string
  server_identifier: string
  /** Sealed, as `headers` and `authentication` are. */
  server_url: Buffer
  server_url_hash: string
  icon: string | null
  icon_type: 'emoji' | 'image' | null
  icon_background: string | null
  headers: Buffer | null
  authentication: Buffer | null
  timeout: number
  sse_read_timeout: number
  forward_user_identity: boolean
  identity_mode: IdentityMode
  forward_id_token: Generated<boolean>
  tools_status: ToolsStatus
  tools_error: string | null
  tools_listed_at: Date | null
  revision: Generated<number>
  /** The revision since which the server is reached in the way it is: a listing of an older one is not kept. */
  reach_revision: Generated<number>
  created_by: ColumnType<string, string, never>
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

type ToolTable = {
  provider_id: string
  name: string
  position: number
  definition: ColumnType<ToolDefinition, string, string>
  hash: string
}

export type Database = KeyTables & AuditTables & { provider: ProviderTable; tool: ToolTable }

export type ProviderRow = Selectable<ProviderTable>
export type NewProviderRow = Insertable<ProviderTable>
export type ProviderRowChange = Updateable<ProviderTable>
