import { type Egress, wasSent } from '@onbehalf/egress'
import type { Exchange } from '@onbehalf/lease'
import type { FindClient, OidcClient } from '../../connections/client.ts'
import type { ConnectionStore } from '../../connections/store.ts'
import type { ClientAuthentication, Connection } from '../../database.ts'
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
    if (!isBound(grant, connection, client)) return rejected('the connection was changed')
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      resource: want.audience
    })
    if (want.scopes) body.set('scope', want.scopes)
    const headers = authenticate(connection, client.secret, body)
    try {
      const answer = await post(egress, client.tokenEndpoint, headers, body, deadlineAt - now())
      return readAnswer(answer, { material, connection, want, now })
    } catch (cause) {
      return wasSent(cause) === 'no'
        ? { kind: 'not_processed', retryAfterMs: 1_000, cause }
        : { kind: 'unknown', cause }
    }
  }

const isClient = (found: unknown): found is OidcClient =>
  typeof found === 'object' && found !== null && 'tokenEndpoint' in found

// A grant never goes to another place than the one that issued it, whoever changed the connection or its metadata.
const isBound = (grant: Material['grant'], connection: Connection, client: OidcClient): boolean =>
  grant.issuer === connection.issuer &&
  grant.client_id === connection.client_id &&
  grant.token_endpoint === client.tokenEndpoint

type Authenticate = (clientId: string, secret: string, body: URLSearchParams) => Record<string, string>

/** RFC 6749 §2.3.1. */
const authentications: Readonly<Record<ClientAuthentication, Authenticate>> = {
  basic: (clientId, secret) => {
    const pair = `${formEncode(clientId)}:${formEncode(secret)}`
    return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
  },
  post: (clientId, secret, body) => {
    body.set('client_id', clientId)
    body.set('client_secret', secret)
    return {}
  },
  none: (clientId, _secret, body) => {
    body.set('client_id', clientId)
    return {}
  }
}

const authenticate = (connection: Connection, secret: string | undefined, body: URLSearchParams) => ({
  'content-type': 'application/x-www-form-urlencoded',
  accept: 'application/json',
  ...authentications[connection.client_authentication](connection.client_id, secret ?? '', body)
})

const formEncode = (value: string): string => new URLSearchParams({ v: value }).toString().slice(2)

const post = async (
  egress: Needs['egress'],
  url: string,
  headers: Record<string, string>,
  body: URLSearchParams,
  timeoutMs: number
): Promise<Answered> => {
  const limits = { timeoutMs, headersTimeoutMs: timeoutMs, bodyTimeoutMs: timeoutMs }
  const request = { method: 'POST', headers, body: body.toString(), carriesCredential: true, ...limits }
  const response = await egress.request(url, request)
  const retryAfter = response.headers['retry-after']
  return { status: response.status, text: await response.text(), retryAfter: [retryAfter].flat()[0] }
}
