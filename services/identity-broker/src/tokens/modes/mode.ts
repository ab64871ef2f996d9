import type { CallBinding, ProviderStatement } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import type { User } from '../../database.ts'

/** A mint, after everything about the request was verified. */
export type MintRequest = {
  user: User
  /** The app that acts for the user; null where they act themselves. */
  app_id: string | null
  /** What mcp-provider, or for its own registry an installation, says of the server. */
  provider: Pick<ProviderStatement, 'audience' | 'scopes'>
  /** The call the token is for; undefined where tools are listed, or nobody said. */
  call: CallBinding | undefined
  /** Hash of a token the MCP server refused. */
  rejectedTokenHash: string | undefined
  connectUrl: string
  deadlineAt: number
}

export type Minted = {
  token: string
  expires_at: number
  /** False for a token that is good for one call only: nobody keeps it. */
  reusable: boolean
  /** Whom the token names. */
  subject: string
  jti: string | null
  grant_id: string | null
  connection_id: string | null
}

/** One way to make a token for a user and an audience. */
export type Mint = (request: MintRequest) => Promise<Minted>

/** The modes this service has, by name. */
export type Modes = ReadonlyMap<string, Mint>

/** The way to mint that a mode names. Throws `policy_denied` for one that is not here. */
export const mintOf = (modes: Modes, mode: string): Mint => {
  const mint = modes.get(mode)
  if (mint) return mint
  if (mode === 'off') throw new ReportedError('policy_denied', 'This server gets no identity: its mode is off.')
  throw new ReportedError(
    'policy_denied',
    `The identity_mode "${mode}" of this server is not known here. Choose another.`
  )
}
