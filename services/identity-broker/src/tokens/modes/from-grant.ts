import { ReportedError } from '@onbehalf/errors'
import type { Grant } from '../../database.ts'
import type { MintedToken, Want } from '../../grants/refresh/minted-token.ts'
import type { TokenStore } from '../../grants/refresh/token-store.ts'
import type { GrantStore } from '../../grants/store.ts'
import { liveGrant } from './live-grant.ts'
import { type Mint, type MintRequest, remintSeconds } from './mode.ts'

type Needs = {
  grants: Pick<GrantStore, 'listOf'>
  tokens: Pick<TokenStore, 'find' | 'keepFor' | 'dropRejected'>
}

/** Under what a token is kept with its grant, and how it is got where none is. */
export type Plan = { want: Want; fetch: (grant: Grant) => Promise<Fetched> }
export type Fetched = Omit<MintedToken, 'generation'>

/** Tokens were emptied while one was fetched: it is fetched again, and not without end. */
const roundsMax = 3

/**
 * A token that is got by way of a grant and kept with it, good for as long as it says. What was got before its grant
 * ended, was given anew or was emptied is handed to nobody.
 */
export const createGrantMint =
  ({ grants, tokens }: Needs, planOf: (request: MintRequest) => Promise<Plan>): Mint =>
  async (request) => {
    const { user, rejectedTokenHash: hash } = request
    for (let round = 0; round < roundsMax; round += 1) {
      const grant = await liveGrant(grants, request)
      const { want, fetch } = await planOf(request)
      if (hash) await tokens.dropRejected(grant.id, want, { hash, ageSeconds: remintSeconds })
      const { token, expires_at, jti, generation } =
        (await tokens.find(grant.id, want)) ?? (await fetchAndKeep(tokens, grant, { want, fetch }))
      if (generation === undefined) continue
      const from = { generation, grant_id: grant.id, connection_id: grant.connection_id }
      return { token, expires_at, reusable: true, subject: user.subject, jti, ...from }
    }
    throw new ReportedError('identity_provider_unavailable', 'What is stored for this user changes. Try again.', {
      retry_after_seconds: 1
    })
  }

const fetchAndKeep = async (tokens: Needs['tokens'], grant: Grant, { want, fetch }: Plan) => {
  const fetched = await fetch(grant)
  return { ...fetched, generation: await tokens.keepFor(grant, want, fetched) }
}
