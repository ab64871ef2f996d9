import type { Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import type { FindClient } from '../connections/client.ts'
import type { ConnectionStore } from '../connections/store.ts'
import { bodyOf, errorIn, postForm, signForm } from '../connections/token-endpoint.ts'
import type { Connection, Grant } from '../database.ts'
import { isBoundTo } from '../grants/bound.ts'
import { away, failureOf, unreached } from './failure.ts'
import { createPauses } from './pauses.ts'

/** RFC 8693 §3, and § Token Exchange of draft-ietf-oauth-identity-assertion-authz-grant. */
export const tokenTypes = {
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
  idToken: 'urn:ietf:params:oauth:token-type:id_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  idJag: 'urn:ietf:params:oauth:token-type:id-jag'
} as const

/** What is exchanged for what; parameters by their names in RFC 8693 §2.1. */
export type Asked = {
  subject_token: string
  subject_token_type: string
  requested_token_type: string
  audience: string
  resource: string
  scope: string
}

/** What the IdP of a grant answered: the JSON of its 200, or what is said of its refusal, with its OAuth error. */
export type Exchanged = { connection: Connection } & (
  | { body: unknown; refusal?: undefined }
  | { body?: undefined; refusal: ReportedError; error: string | undefined }
)

export type ExchangeAtIdp = (grant: Grant, asked: Asked, deadlineAt: number) => Promise<Exchanged>

type Needs = {
  connections: Pick<ConnectionStore, 'find'>
  findClient: FindClient
  egress: Pick<Egress, 'requestWhole'>
  /** How long the IdP may take. */
  timeoutMs: number
  now?: () => number
}

const idp = 'The identity provider'
export const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'

/**
 * Exchanges a token at the IdP that issued it (RFC 8693). Unlike a refresh it uses nothing up, so it may be repeated.
 * Throws where the IdP cannot be asked, or does not answer.
 */
export const createExchangeAtIdp = ({
  connections,
  findClient,
  egress,
  timeoutMs,
  now = Date.now
}: Needs): ExchangeAtIdp => {
  const pauses = createPauses(now)
  return async (grant, { scope, ...asked }, deadlineAt) => {
    const pausedMs = pauses.left(grant.id)
    if (pausedMs > 0) throw away(idp, new Error('it said when to come back'), pausedMs)
    const connection = await connections.find(grant.tenant_id, grant.connection_id)
    const client = connection && (await findClient(connection))
    // The grant ends with such a change; this one was read just before.
    if (!client || !isBoundTo(grant, client)) throw changed()
    const form = new URLSearchParams({ grant_type: grantType, ...asked, ...(scope ? { scope } : {}) })
    const signed = await signForm(form, client.authenticate)
    const waitMs = Math.min(timeoutMs, deadlineAt - now())
    const answer = await postForm(egress, client.tokenEndpoint, signed, waitMs).catch((cause: unknown) => {
      throw unreached(idp, cause)
    })
    pauses.note(grant.id, answer)
    const body = bodyOf(answer)
    if (answer.status === 200) return { connection, body }
    return { connection, refusal: failureOf(idp, answer, now()), error: errorIn(body) }
  }
}

const changed = () =>
  new ReportedError('identity_provider_unavailable', 'The connection of this user was changed just now. Try again.', {
    retry_after_seconds: 1
  })
