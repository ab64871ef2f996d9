import { type Egress, wasSent } from '@onbehalf/egress'
import type { Exchange, Outcome } from '@onbehalf/lease'
import type { FindClient, IdpClient } from '../../connections/client.ts'
import { bytesMax } from '../../connections/json.ts'
import type { ConnectionStore } from '../../connections/store.ts'
import type { Connection } from '../../database.ts'
import { isBoundTo } from '../bound.ts'
import type { Brought, Material, Want } from './minted-token.ts'
import { type Answered, readAnswer, rejected } from './read-answer.ts'

type Needs = {
  connections: Pick<ConnectionStore, 'find'>
  findClient: FindClient
  egress: Pick<Egress, 'request'>
  now?: () => number
}

/** Presents a grant's refresh token at the token endpoint it was issued by (RFC 6749 §6, RFC 8707 `resource`). */
export const createExchange =
  ({ connections, findClient, egress, now = Date.now }: Needs): Exchange<Material, Want, Brought> =>
  async (material, want, deadlineAt) => {
    const { grant, refreshToken } = material
    const found = await connections.find(grant.tenant_id, grant.connection_id).catch((cause: Error) => cause)
    if (found instanceof Error) return { kind: 'not_processed', retryAfterMs: 1_000, cause: found }
    if (!found) return rejected('the connection is gone')
    const connection = found
    const client = await findClient(connection).catch((cause: unknown) => cause)
    if (!isClient(client)) return { kind: 'not_processed', retryAfterMs: 5_000, cause: client }
    if (!isBoundTo(grant, client)) return rejected('the connection was changed')
    const request = await requestOf(connection, client, refreshToken, want).catch((cause: Error) => cause)
    if (request instanceof Error) return { kind: 'not_processed', retryAfterMs: 60_000, cause: request }
    try {
      const answer = await post(egress, client.tokenEndpoint, request, deadlineAt - now())
      return whereRotating(connection, readAnswer(answer, { material, connection, want, now }))
    } catch (cause) {
      return wasSent(cause) === 'no'
        ? { kind: 'not_processed', retryAfterMs: 1_000, cause }
        : whereRotating(connection, { kind: 'unknown', cause })
    }
  }

const isClient = (found: unknown): found is IdpClient =>
  typeof found === 'object' && found !== null && 'tokenEndpoint' in found

/** A refresh token that is not replaced with each use can be presented again, whatever came of it. */
const whereRotating = ({ rotating }: Connection, outcome: Outcome<Material, Brought>): Outcome<Material, Brought> =>
  outcome.kind === 'unknown' && !rotating ? { retryAfterMs: 1_000, ...outcome, kind: 'not_processed' } : outcome

type Request = { headers: Record<string, string>; body: string }

const requestOf = async (
  { resource_support, quirks }: Connection,
  { authenticate }: IdpClient,
  refreshToken: string,
  { audience, scopes }: Want
): Promise<Request> => {
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
  if (resource_support !== 'none') body.set('resource', audience)
  if (scopes && !quirks.includes('refresh_without_scope')) body.set('scope', scopes)
  const headers = new Headers({ 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' })
  await authenticate(body, headers)
  return { headers: Object.fromEntries(headers), body: body.toString() }
}

const post = async (
  egress: Needs['egress'],
  url: string,
  { headers, body }: Request,
  timeoutMs: number
): Promise<Answered> => {
  const limits = { timeoutMs, headersTimeoutMs: timeoutMs, bodyTimeoutMs: timeoutMs, maxBytes: bytesMax }
  const response = await egress.request(url, { method: 'POST', headers, body, carriesCredential: true, ...limits })
  const retryAfter = response.headers['retry-after']
  return { status: response.status, text: await response.text(), retryAfter: [retryAfter].flat()[0] }
}
