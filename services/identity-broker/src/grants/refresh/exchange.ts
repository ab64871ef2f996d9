import { type Egress, wasSent } from '@onbehalf/egress'
import type { Exchange, Outcome } from '@onbehalf/lease'
import type { FindConnectionAt } from '../../connections/at-revision.ts'
import type { FindClient, IdpClient } from '../../connections/client.ts'
import { quirkBehindRefresh } from '../../connections/suspicions/behind-refresh.ts'
import type { NoteSuspicion } from '../../connections/suspicions/note.ts'
import { postForm, signForm, type TokenForm } from '../../connections/token-endpoint.ts'
import type { Connection } from '../../database.ts'
import { isBoundTo } from '../bound.ts'
import { type Brought, isForServer, type Material, type Want } from './minted-token.ts'
import { readAnswer, rejected } from './read-answer.ts'

type Needs = {
  findConnection: FindConnectionAt
  findClient: FindClient
  egress: Pick<Egress, 'requestWhole'>
  noteSuspicion: NoteSuspicion
  now?: () => number
}

/** Presents a grant's refresh token at the token endpoint it was issued by (RFC 6749 §6, RFC 8707 `resource`). */
export const createExchange =
  ({ findConnection, findClient, egress, noteSuspicion, now = Date.now }: Needs): Exchange<Material, Want, Brought> =>
  async (material, want, deadlineAt) => {
    const { grant, refreshToken } = material
    const found = await findConnection(grant).catch((cause: Error) => cause)
    if (found instanceof Error) return { kind: 'not_processed', retryAfterMs: 1_000, cause: found }
    if (!found) return rejected('the connection is gone')
    const connection = found
    const client = await findClient(connection).catch((cause: unknown) => cause)
    if (!isClient(client)) return { kind: 'not_processed', retryAfterMs: 5_000, cause: client }
    if (!isBoundTo(grant, client)) return rejected('the connection was changed')
    const request = await requestOf(connection, client, refreshToken, want).catch((cause: Error) => cause)
    if (request instanceof Error) return { kind: 'not_processed', retryAfterMs: 60_000, cause: request }
    try {
      const answered = await postForm(egress, client.tokenEndpoint, request, deadlineAt - now())
      const outcome = readAnswer(answered, { material, connection, want, now })
      const quirk = quirkBehindRefresh(outcome, { answered, want })
      // Nobody waits: what the answer brought is to be stored first.
      if (quirk) void noteSuspicion(connection, quirk)
      return whereRotating(connection, outcome)
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

const requestOf = async (
  { resource_support }: Connection,
  { authenticate }: IdpClient,
  refreshToken: string,
  want: Want
): Promise<TokenForm> => {
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
  if (resource_support !== 'none' && isForServer(want)) body.set('resource', want.audience)
  if (want.scopes) body.set('scope', want.scopes)
  return signForm(body, authenticate)
}
