import type { Grant } from '../../database.ts'

/** What a token is wanted for; with a grant's id this is the whole key of a minted token. */
export type Want = { audience: string; mode: string; scopes: string }

/** What is sent to the IdP, and what its answer is held against. */
export type Material = { grant: Grant & { subject: string }; refreshToken: string }

/** Times in seconds since the epoch. */
export type MintedToken = { token: string; token_hash: string; jti: string | null; expires_at: number }
