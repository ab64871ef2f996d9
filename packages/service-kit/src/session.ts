import { createPublicKey } from 'node:crypto'
import fastifyJwt, { type TokenOrHeader } from '@fastify/jwt'
import { ReportedError } from '@onbehalf/errors'
import { matches, type PublicKey } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { cookieNamesFor, sessionType } from './session-cookie.ts'

/** What a session's JWT says; `csrf` is repeated by the page on every unsafe request. */
export const SessionClaims = Type.Object({
  sub: Type.String({ format: 'uuid' }),
  tenant_id: Type.String({ format: 'uuid' }),
  sid: Type.String({ format: 'uuid' }),
  csrf: Type.String({ minLength: 16 }),
  exp: Type.Integer()
})
export type SessionClaims = Static<typeof SessionClaims>

/** The public key of a `kid` that sessions are signed with, or undefined; throws `unavailable` when nobody knows. */
export type FindSessionKey = (kid: string) => Promise<PublicKey | undefined>

const unauthenticated = (cause?: unknown) =>
  new ReportedError('unauthenticated', 'Sign in first: there is no session, or it has ended.', { cause })

const Header = Type.Object({ kid: Type.String({ minLength: 1 }) })

/** Teaches `app` to read the session cookie: ES256 by one of our session keys, our issuer, audience and type, not ended. */
export const registerSessions = async (
  app: FastifyInstance,
  { publicUrl, findKey }: { publicUrl: string; findKey: FindSessionKey }
): Promise<void> => {
  const pems = new Map<string, string>()
  const pemOf = async (header: unknown): Promise<string> => {
    if (!matches(Header, header)) throw unauthenticated(new Error('no kid'))
    const key = await findKey(header.kid)
    if (!key) throw unauthenticated(new Error('unknown kid'))
    const pem = pems.get(key.kid) ?? toPem(key)
    pems.set(key.kid, pem)
    return pem
  }
  await app.register(fastifyJwt, {
    secret: {
      public: async (_request: FastifyRequest, token: TokenOrHeader) => pemOf('header' in token ? token.header : token)
    },
    decode: { complete: true },
    verify: {
      algorithms: ['ES256'],
      checkTyp: sessionType,
      allowedIss: publicUrl,
      allowedAud: publicUrl,
      requiredClaims: ['iss', 'aud', 'exp', 'sub', 'sid'],
      onlyCookie: true
    },
    cookie: { cookieName: cookieNamesFor(publicUrl).session, signed: false }
  })
}

const toPem = (key: PublicKey): string =>
  createPublicKey({ key: { ...key }, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString()

/** The claims of the request's session cookie. Throws `unauthenticated`, or `unavailable` when no key can be had. */
export const readSession = async (request: FastifyRequest): Promise<SessionClaims> => {
  const claims: unknown = await request.jwtVerify().catch((cause: unknown) => {
    throw cause instanceof ReportedError ? cause : unauthenticated(cause)
  })
  const payload = typeof claims === 'object' && claims !== null && 'payload' in claims ? claims.payload : claims
  if (matches(SessionClaims, payload)) return payload
  throw unauthenticated(new Error('bad claims'))
}
