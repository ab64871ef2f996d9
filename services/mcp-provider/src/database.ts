import type { IdentityMode } from '@onbehalf/contracts'
import type { DeadReason } from '@onbehalf/lease'
import type { AuditTables, KeyTables } from '@onbehalf/service-kit'
import type { ColumnType, Generated, GeneratedAlways, Insertable, Selectable, Updateable } from 'kysely'
import type { GrantType } from './oauth/credential.ts'
import type { LeftOut, ToolDefinition, ToolsStatus } from './tools/tool.ts'

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
  /** Whose credentials the upstream OAuth brings: the tenant's, or each user's own. */
  auth_scope: Generated<'tenant' | 'user'>
  /** Whether what a server changes of its tools is used at once, or after an administrator approved it. */
  tool_changes: Generated<'accept' | 'review'>
  external: Generated<boolean>
  keep_arguments: Generated<boolean>
  /** Sealed. */
  resource: Buffer | null
  /** The authorization server that the provider's own client was first used at. */
  authorization_issuer: string | null
  tools_status: ToolsStatus
  tools_error: string | null
  tools_listed_at: Date | null
  /** When they are listed again. */
  tools_due_at: Generated<Date>
  /** Whether some replica lists them because they are due, and whether the server told of a change meanwhile. */
  tools_listing: 'running' | 'changed' | null
  /** The replica that listens to the server for changes of them. */
  tools_watcher: string | null
  /** When a replica may begin to: with a watcher, the end of its lease. */
  tools_watch_at: Generated<Date>
  /** How often in a row that could not be done. */
  tools_watch_failures: Generated<number>
  tools_left_out: ColumnType<LeftOut[], string | undefined, string>
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
  /** Of the definition as it is written. */
  bytes: GeneratedAlways<number>
  hash: string
  /** Name, title and description in lower case, for a search. */
  words: string
  is_approved: boolean
  /** What was approved before the server changed it. */
  approved_definition: ColumnType<ToolDefinition | null, string | null, string | null>
}

type OauthClientTable = {
  id: string
  tenant_id: string
  issuer: string
  /** What it was registered for; null where that was the one of all servers. */
  redirect_uri: string | null
  /** Sealed. */
  registration: Buffer
  /** Whether new authorizations use it, until `renew_at`. */
  is_current: Generated<boolean>
  renew_at: Date | null
  secret_expires_at: Date | null
  created_at: Generated<Date>
}

/** Whose a credential is, and where it was given for what. */
type BoundCredential = {
  tenant_id: string
  provider_id: string
  /** Null for the tenant's own. */
  user_id: string | null
  issuer: string
  token_endpoint: string
  client_id: string
  grant_type: GrantType
  resource: string
}

type OauthCredentialTable = BoundCredential & {
  id: string
  /** What was asked for, or where the server said it what was given. */
  scope: string
  /** What the next authorization asks for, once the server wanted more. */
  wanted_scope: string | null
  /** What the last authorization asked for, where not all of it was given. */
  withheld_scope: string | null
  /** Sealed, as `access_token` is. */
  refresh_token: Buffer | null
  access_token: Buffer | null
  access_token_hash: string | null
  issued_at: Date | null
  renew_at: Date | null
  expires_at: Date | null
  generation: Generated<number>
  /** Counts the emptyings of the access token. */
  epoch: Generated<number>
  attempt: Generated<number>
  lease_owner: string | null
  lease_until: Date | null
  sent_at: Date | null
  backoff_until: Date | null
  dead_reason: DeadReason | 'revoked' | null
  /** Why its authorization server does not renew it, while what there is goes on. */
  refused_reason: string | null
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

/** What was dropped here, until it is taken back where it was given. */
type OauthRevocationTable = BoundCredential &
  Pick<OauthCredentialTable, 'refresh_token' | 'access_token'> &
  Pick<ProviderTable, 'authentication' | 'authorization_issuer'> & {
    credential_id: string
    generation: number
    attempt: Generated<number>
    due_at: Generated<Date>
    created_at: Generated<Date>
  }

export type Database = KeyTables &
  AuditTables & {
    provider: ProviderTable
    tool: ToolTable
    oauth_client: OauthClientTable
    oauth_credential: OauthCredentialTable
    oauth_revocation: OauthRevocationTable
  }

export type CredentialRow = Selectable<OauthCredentialTable>
export type RevocationRow = Selectable<OauthRevocationTable>

export type ProviderRow = Selectable<ProviderTable>
export type NewProviderRow = Insertable<ProviderTable>
export type ProviderRowChange = Updateable<ProviderTable>
