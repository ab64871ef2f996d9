import type { ProviderAuthorization } from '@onbehalf/contracts'
import type { Egress } from '@onbehalf/egress'
import { authenticationOf } from '../connections/authenticate.ts'
import { bodyOf, postForm, signForm } from '../connections/token-endpoint.ts'
import { failureOf, unreached } from './failure.ts'

type Needs = {
  egress: Pick<Egress, 'requestWhole'>
  /** How long the authorization server may take. */
  timeoutMs: number
  now?: () => number
}

type Asked = { assertion: string; scope: string }

export type Redeem = (at: ProviderAuthorization, asked: Asked, deadlineAt: number) => Promise<unknown>

const server = 'The authorization server of this server'
const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** Gives an ID-JAG for an access token at a server's own authorization server (RFC 7523 §2.1): the JSON of its 200. */
export const createRedeem =
  ({ egress, timeoutMs, now = Date.now }: Needs): Redeem =>
  async (at, { assertion, scope }, deadlineAt) => {
    const form = new URLSearchParams({ grant_type: grantType, assertion, ...(scope ? { scope } : {}) })
    const signed = await signForm(form, clientAt(at))
    const waitMs = Math.min(timeoutMs, deadlineAt - now())
    const answer = await postForm(egress, at.token_endpoint, signed, waitMs).catch((cause: unknown) => {
      throw unreached(server, cause)
    })
    if (answer.status === 200) return bodyOf(answer)
    throw failureOf(server, answer, now())
  }

const clientAt = ({ issuer, token_endpoint, client_id, client_secret, client_authentication }: ProviderAuthorization) =>
  authenticationOf(
    { name: issuer, kind: 'oauth2', client_id, client_authentication, issuer, quirks: [] },
    { secret: client_secret ?? undefined, findKey: async () => Promise.reject(new Error('a client without keys')) },
    token_endpoint
  )
