import type { IdentityMode } from '@onbehalf/contracts'
import { type Static, Type } from '@sinclair/typebox'
import type { LeftOut, ToolsStatus } from '../tools/tool.ts'

export const Headers = Type.Record(Type.String(), Type.String())
export type Headers = Static<typeof Headers>

/** The tenant's own client at the MCP server's authorization server. */
export const Authentication = Type.Object({
  client_id: Type.String(),
  client_secret: Type.Union([Type.String(), Type.Null()]),
  /** The authorization server that gave them; they are sent to no other. */
  issuer: Type.Optional(Type.String())
})
export type Authentication = Static<typeof Authentication>

/** What an administrator decides about a provider, secrets in clear. */
export type Settings = {
  name: string
  server_url: string
  server_identifier: string
  icon: string | null
  icon_type: 'emoji' | 'image' | null
  icon_background: string | null
  headers: Headers
  authentication: Authentication | null
  /** Seconds, as `sse_read_timeout`. */
  timeout: number
  sse_read_timeout: number
  forward_user_identity: boolean
  identity_mode: IdentityMode
  /** The exception: `idp_token` forwards the ID token, whose audience is our client. */
  forward_id_token: boolean
  /** The id of the server as a resource (RFC 8707), where that is not its URL. */
  resource: string | null
  /** Whose credentials its OAuth brings: the tenant's, or each user's own. */
  auth_scope: 'tenant' | 'user'
  /** Whether tools that the server adds or changes are used at once, or after an administrator approved them. */
  tool_changes: 'accept' | 'review'
  /** Whether external users may use it. */
  external: boolean
  /** Whether what its tools are called with is kept with the records of the calls. */
  keep_arguments: boolean
}

export type Provider = {
  id: string
  tenant_id: string
  revision: number
  /** The revision since which the server is reached in the way it is. */
  reach_revision: number
  settings: Settings
  /** The authorization server that the provider's own client was first used at. */
  authorization_issuer: string | null
  tools_status: ToolsStatus
  tools_error: string | null
  created_at: Date
  updated_at: Date
}

/** With what is for those alone who look at it. */
export type ShownProvider = Provider & { tools_left_out: LeftOut[] }

export const timeoutDefaults = { timeout: 30, sse_read_timeout: 300 } as const

/** The mode that is in effect: `off` unless the caller's identity is forwarded. */
export const modeOf = ({ forward_user_identity, identity_mode }: Settings): IdentityMode =>
  forward_user_identity ? identity_mode : 'off'

/** What a token for the server is for, byte for byte. */
export const audienceOf = ({ resource, server_url }: Settings): string => resource ?? server_url

/** Whether the caller's identity is forwarded to the server. */
export const isForwarding = (settings: Settings): boolean => modeOf(settings) !== 'off'
