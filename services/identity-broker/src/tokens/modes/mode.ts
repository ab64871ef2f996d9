import type { User } from '../../database.ts'

/** A mint, after everything about the request was verified. */
export type MintRequest = {
  user: User
  audience: string
  scopes: string
  /** Hash of a token the MCP server refused. */
  rejectedTokenHash: string | undefined
  connectUrl: string
  deadlineAt: number
}

export type Minted = {
  token: string
  expires_at: number
  reusable: boolean
  jti: string | null
  grant_id: string | null
  connection_id: string | null
}

/** One way to make a token for a user and an audience. */
export type Mint = (request: MintRequest) => Promise<Minted>
