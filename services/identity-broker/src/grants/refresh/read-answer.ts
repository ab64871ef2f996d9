import { ReportedError } from '@onbehalf/errors'
import type { Outcome } from '@onbehalf/lease'
import { matches } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { type Answered, bodyOf, errorIn, retryAfterMs, toldBy } from '../../connections/token-endpoint.ts'
import type { Connection, RefusalCode } from '../../database.ts'
import { readAccessToken, subjectOf } from './access-token.ts'
import { readIdToken } from './id-token.ts'
import type { Brought, Material, Want } from './minted-token.ts'
import { readSubjectToken } from './subject-token.ts'

type Asked = {
  material: Material
  connection: Pick<Connection, 'revision' | 'quirks' | 'kind'>
  want: Want
  now: () => number
}

// RFC 6749 §5.1. What else an IdP says is left alone: one that writes "expires_in": "300" costs nobody their grant.
const TokenAnswer = Type.Object({
  access_token: Type.String({ minLength: 1 }),
  refresh_token: Type.Optional(Type.Unknown()),
  expires_in: Type.Optional(Type.Unknown()),
  id_token: Type.Optional(Type.Unknown())
})

const [busyMs, troubleMs, refusedMs] = [5_000, 0, 30_000]

/** What came of presenting a refresh token, from what the token endpoint answered. */
export const readAnswer = (answered: Answered, asked: Asked): Outcome<Material, Brought> => {
  const { status, text } = answered
  const body = bodyOf(answered)
  if (status === 200) return readTokens(body, asked)
  const cause = toldBy(answered, body)
  const waitMs = (otherwise: number) => retryAfterMs(answered, asked.now()) ?? otherwise
  if (status === 429) return { kind: 'not_processed', retryAfterMs: waitMs(busyMs), cause }
  if (status >= 500) return { kind: 'unknown', retryAfterMs: waitMs(troubleMs), cause }
  if (status === 400 && text.trim() === '') return rejected('the IdP answered 400 with an empty body')
  const error = errorIn(body)
  if (error === 'invalid_grant') return rejected('the IdP answered invalid_grant')
  // RFC 8707 §2. Some IdPs end the refresh token with it; the next presentation will tell.
  if (error === 'invalid_target') return { kind: 'answered', material: undefined, token: notThisServer(asked) }
  return { kind: 'refused', retryAfterMs: waitMs(refusedMs), cause: misconfigured(cause) }
}

export const rejected = (why: string): Outcome<Material, Brought> => ({ kind: 'rejected', cause: new Error(why) })

const misconfigured = (cause: unknown) =>
  new ReportedError(
    'identity_provider_unavailable',
    'The identity provider refuses our client. An administrator must check the connection.',
    { cause, retry_after_seconds: 60 }
  )

const notThisServer = (asked: Asked) =>
  refuse(asked, 'audience_not_allowed', 'The identity provider gives no token for this server.')

const refuse = ({ connection }: Asked, code: RefusalCode, message: string): Brought => ({
  refusal: { code, message, connection_revision: connection.revision }
})

type Reader = (body: Static<typeof TokenAnswer>, expected: Asked) => Brought

/** Of what is not for a server. */
const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['subject_token', readSubjectToken],
  ['id_token', readIdToken]
])

const readTokens = (body: unknown, asked: Asked): Outcome<Material, Brought> => {
  if (!matches(TokenAnswer, body)) return { kind: 'unknown', cause: new Error('an unreadable 200') }
  const { grant } = asked.material
  // OIDC Core §12.2: an ID token that comes along is about the same person. IdPs with a subject per server show who it
  // is there only.
  const subject = subjectOf(body.id_token, grant.issuer) ?? subjectOf(body.access_token, grant.issuer)
  if (subject !== undefined && subject !== grant.subject)
    return { kind: 'answered', material: undefined, token: foreign(asked) }
  const { refresh_token: refreshToken } = body
  const isNext = typeof refreshToken === 'string' && refreshToken !== ''
  return {
    kind: 'answered',
    material: isNext ? { grant, refreshToken } : undefined,
    token: (readers.get(asked.want.mode) ?? readAccessToken)(body, asked)
  }
}

/** What is somebody else's is not kept: neither the token nor what the next one would be got with. */
const foreign = (asked: Asked) => refuse(asked, 'policy_denied', 'The identity provider answered for somebody else.')
