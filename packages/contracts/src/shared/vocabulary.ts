import './formats.ts'
import { type Static, Type } from '@sinclair/typebox'

export const serviceNames = ['identity-broker', 'mcp-provider', 'tool-invoker', 'device-auth'] as const
export type ServiceName = (typeof serviceNames)[number]

export const Uuid = Type.String({ format: 'uuid' })
/** Whole seconds since the epoch, as JWTs and OAuth have them. */
export const UnixSeconds = Type.Integer({ minimum: 0 })
/** SHA-256 of a credential, base64url: the only form in which a credential travels on the bus. */
export const CredentialHash = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })
/** The name a caller uses for a provider: no `__` and no `_` at an end, so that `identifier__tool` can be split. */
export const ServerIdentifier = Type.String({ pattern: '^(?!_)(?!.*__)[a-z0-9_-]{1,64}(?<!_)$' })

export const Role = Type.Union([Type.Literal('owner'), Type.Literal('admin'), Type.Literal('member')])
export type Role = Static<typeof Role>

/** How the identity of the caller is forwarded; an open enum, one file each in identity-broker. */
export const IdentityMode = Type.Union([Type.Literal('off'), Type.Literal('idp_token')])
export type IdentityMode = Static<typeof IdentityMode>
