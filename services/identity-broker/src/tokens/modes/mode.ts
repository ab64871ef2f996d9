import { type CallBinding, type ProviderStatement, UnixSeconds, Uuid } from '@onbehalf/contracts'
import { type Static, Type } from '@sinclair/typebox'
import type { Grant, User } from '../../database.ts'

/** Who asks: the user themselves, an app, or a platform at the inner listener. */
export type Actor = { kind: 'user' | 'app' | 'installation'; id: string }

/** A mint, after everything about the request was verified. */
export type MintRequest = {
  user: User
  actor: Actor
  /** The app that acts for the user, or the installation where it names none; null where they act themselves. */
  app_id: string | null
  /** What mcp-provider, or for its own registry an installation, says of the server. */
  provider: Pick<ProviderStatement, 'audience' | 'scopes'> &
    Partial<Pick<ProviderStatement, 'provider_id' | 'revision'>>
  /** The call the token is for; `none` where tools are listed, `any` where nobody said which. */
  call: CallBinding | 'none' | 'any'
  /** Hash of a token the MCP server refused. */
  rejectedTokenHash: string | undefined
  deadlineAt: number
}

/** A token, and what is told of it: whom it names, and what it was made from. Times in seconds since the epoch. */
export const Minted = Type.Object({
  token: Type.String(),
  expires_at: UnixSeconds,
  /** False for a token that is good for one call only: nobody keeps it. */
  reusable: Type.Boolean(),
  subject: Type.String(),
  jti: Type.Union([Type.String(), Type.Null()]),
  /** Of the grant it was made from. */
  generation: Type.Union([Type.Integer(), Type.Null()]),
  grant_id: Type.Union([Uuid, Type.Null()]),
  connection_id: Type.Union([Uuid, Type.Null()])
})
export type Minted = Static<typeof Minted>

/** A token the MCP server refused is replaced at most this often. */
export const remintSeconds = 60

/** One way to make a token for a user and an audience. */
export type Mint = (request: MintRequest) => Promise<Minted>

/** Makes the token after one that this process saw, without asking for the user; undefined where it saw none. */
export type MintNext = (
  request: Omit<MintRequest, 'user'> & Pick<Grant, 'tenant_id' | 'user_id'>
) => Promise<Minted | undefined>

/** `isReusable`: what it makes is good until it ends, and is kept; otherwise each call gets one of its own. */
export type Mode = { isReusable: boolean; mint: Mint; mintNext?: MintNext }

/** How the exception of `idp_token` is called where tokens are kept and recorded: no ticket can hold such a word. */
export const idTokenException = 'idp_token:id_token'

/** What is minted for a server of this mode. */
export const mintModeOf = ({ mode, forward_id_token }: Pick<ProviderStatement, 'mode' | 'forward_id_token'>): string =>
  mode === 'idp_token' && forward_id_token ? idTokenException : mode

/** The modes this service has, by name. */
export type Modes = ReadonlyMap<string, Mode>
