import './formats.ts'
import { type Static, Type } from '@sinclair/typebox'

export const serviceNames = ['identity-broker', 'mcp-provider', 'tool-invoker', 'device-auth'] as const
export type ServiceName = (typeof serviceNames)[number]

export const Uuid = Type.String({ format: 'uuid' })
/** Whole seconds since the epoch, as JWTs and OAuth have them. */
export const UnixSeconds = Type.Integer({ minimum: 0 })
/** What an app itself calls one of its users; where a user is named, our own id of them does as well. */
export const ExternalId = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000-\\u001f\\u007f]+$' })
/** SHA-256 of a credential, base64url: the only form in which a credential travels on the bus. */
export const CredentialHash = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })
/** The name a caller uses for a provider: no `__` and no `_` at an end, so that `identifier__tool` can be split. */
export const ServerIdentifier = Type.String({ pattern: '^(?!_)(?!.*__)[a-z0-9_-]{1,64}(?<!_)$' })

export const Role = Type.Union([Type.Literal('owner'), Type.Literal('admin'), Type.Literal('member')])
export type Role = Static<typeof Role>

/**
 * What an API key may do. The first two every key is made for; none reaches people, keys or connections, or a key could
 * make itself mightier than whoever made it.
 */
export const keyScopes = [
  'tools:call',
  'tools:list',
  'providers:read',
  'providers:write',
  'members:read',
  'audit:read'
] as const
export type KeyScope = (typeof keyScopes)[number]
export const defaultKeyScopes: readonly KeyScope[] = ['tools:call', 'tools:list']

/** How the identity of the caller is forwarded: what may be written, and what identity-broker has one file each for. */
export const IdentityMode = Type.Union([
  Type.Literal('off'),
  Type.Literal('idp_token'),
  Type.Literal('token_exchange'),
  Type.Literal('signed'),
  Type.Literal('id_jag')
])
export type IdentityMode = Static<typeof IdentityMode>
export type ForwardingMode = Exclude<IdentityMode, 'off'>

/**
 * A mode as it travels: any word, because a replica that is older than a mode must refuse just that and not the whole
 * message. Only identity-broker, which mints, tells modes apart.
 */
export const ModeName = Type.String({ pattern: '^[a-z][a-z0-9_]{0,31}$' })

/** The one call a token is for: the tool by its name at the server, and the digest of its arguments. */
export const CallBinding = Type.Object({
  tool: Type.String({ minLength: 1, maxLength: 256 }),
  /** base64url SHA-256 over the RFC 8785 form; of `{}` where there are none. */
  arguments_digest: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })
})
export type CallBinding = Static<typeof CallBinding>
