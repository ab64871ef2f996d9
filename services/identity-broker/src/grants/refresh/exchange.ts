import { type Egress, wasSent } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import type { Exchange, Outcome } from '@onbehalf/lease'
import { matches } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import type { FindClient, OidcClient } from '../../connections/client.ts'
import type { ConnectionStore } from '../../connections/store.ts'
import type { ClientAuthentication, Connection } from '../../database.ts'
import { readAccessToken } from './access-token.ts'
import type { Material, MintedToken, Want } from './minted-token.ts'

type Answer = Outcome<Material, MintedToken>

// RFC 6749 §5.1; what else an IdP says is left alone.
const TokenAnswer = Type.Object({
  access_token: Type.String({ minLength: 1 }),
  refresh_token: Type.Optional(Type.String({ minLength: 1 })),
  expires_in: Type.Optional(Type.Number())
})
// RFC 6749 §5.2
const TokenError = Type.Object({ error: Type.String(), error_description: Type.Optional(Type.String()) })

type Needs = {
  connections: Pick<ConnectionStore, 'find'>
  findClient: FindClient
  egress: Pick<Egress, 'request'>
  exchangeMs: number
  now?: () => number
}

/** Presents a grant's refresh token at the token endpoint it was issued by (RFC 6749 §6, RFC 8707 `resource`). */
export const createExchange =
  ({ connections, findClient, egress, exchangeMs, now = Date.now }: Needs): Exchange<Material, Want, MintedToken> =>
  async ({ grant, refreshToken }, want, signal) => {
    const found = await connections.find(grant.tenant_id, grant.connection_id).catch((cause: Error) => cause)
    if (found instanceof Error) return { kind: 'not_processed', retryAfterSeconds: 1, cause: found }
    if (!found) return rejected('the connection is gone')
    const connection = found
    const client = await findClient(connection).catch((cause: unknown) => cause)
    if (!isClient(client)) return { kind: 'not_processed', retryAfterSeconds: 5, cause: client }
    if (!isBound(grant, connection, client)) return rejected('the connection was changed')
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      resource: want.audience
    })
    if (want.scopes) body.set('scope', want.scopes)
    const headers = authenticate(connection, client.secret, body)
    const sent = await post(egress, client.tokenEndpoint, headers, body, { timeoutMs: exchangeMs, signal })
    return 'outcome' in sent ? sent.outcome : read(sent, { grant, refreshToken }, want, now)
  }

const isClient = (found: unknown): found is OidcClient =>
  typeof found === 'object' && found !== null && 'tokenEndpoint' in found

// A grant never goes to another place than the one that issued it, whoever changed the connection or its metadata.
const isBound = (grant: Material['grant'], connection: Connection, client: OidcClient): boolean =>
  grant.issuer === connection.issuer &&
  grant.client_id === connection.client_id &&
  grant.token_endpoint === client.tokenEndpoint

const rejected = (why: string, cause?: unknown): Answer => ({ kind: 'rejected', cause: new Error(why, { cause }) })

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

type Reply = { status: number; body: unknown; isEmpty: boolean; retryAfter: number }

const post = async (
  egress: Needs['egress'],
  url: string,
  headers: Record<string, string>,
  body: URLSearchParams,
  limits: { timeoutMs: number; signal: AbortSignal }
): Promise<Reply | { outcome: Answer }> => {
  try {
    const response = await egress.request(url, {
      method: 'POST',
      headers,
      body: body.toString(),
      carriesCredential: true,
      ...limits
    })
    const text = await response.text()
    const retryAfter = Number(response.headers['retry-after'])
    return { status: response.status, body: parse(text), isEmpty: text.trim() === '', retryAfter: retryAfter || 5 }
  } catch (cause) {
    if (wasSent(cause) === 'no') return { outcome: { kind: 'not_processed', retryAfterSeconds: 1, cause } }
    return { outcome: { kind: 'unknown', cause } }
  }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const read = (reply: Reply, presented: Material, want: Want, now: () => number): Answer => {
  const { status, body, isEmpty, retryAfter } = reply
  if (status === 200) return readAnswer(body, presented, want, now)
  if (status === 429)
    return { kind: 'not_processed', retryAfterSeconds: Math.min(retryAfter, 3600), cause: told(reply) }
  if (status >= 500) return { kind: 'unknown', cause: told(reply) }
  if (status === 400 && isEmpty) return rejected('the IdP answered 400 with an empty body')
  const error = matches(TokenError, body) ? body.error : undefined
  if (error === 'invalid_grant') return rejected('the IdP answered invalid_grant')
  if (error === 'invalid_target')
    return {
      kind: 'refused',
      retryAfterSeconds: 0,
      cause: new ReportedError('audience_not_allowed', 'The identity provider gives no token for this server.', {
        cause: told(reply)
      })
    }
  return { kind: 'refused', retryAfterSeconds: 30, cause: misconfigured(told(reply)) }
}

const told = ({ status, body }: Reply) =>
  new Error(
    `the token endpoint answered ${status} ${matches(TokenError, body) ? body.error : 'without an OAuth error'}`
  )

const misconfigured = (cause: unknown) =>
  new ReportedError(
    'identity_provider_unavailable',
    'The identity provider refuses our client. An administrator must check the connection.',
    { cause, retry_after_seconds: 60 }
  )

const readAnswer = (body: unknown, { grant }: Material, want: Want, now: () => number): Answer => {
  if (!matches(TokenAnswer, body)) return { kind: 'unknown', cause: new Error('an unreadable 200') }
  const material = body.refresh_token ? { grant, refreshToken: body.refresh_token } : undefined
  const read = readAccessToken(body, { subject: grant.subject, issuer: grant.issuer, want, now })
  return { kind: 'answered', material, ...read }
}
