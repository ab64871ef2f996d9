import type { Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import type { TokenEndpointResponse } from 'openid-client'
import type { IdpClient } from '../connections/client.ts'
import { fetchJson } from '../connections/json.ts'
import type { VerifyJwt } from '../connections/verify-jwt.ts'
import type { Claims } from '../connections/vocabulary.ts'
import type { Connection, NewUser } from '../database.ts'
import { failed } from './failed.ts'

/** Who signed in, as the IdP confirms it. Throws `sign_in_failed` where it does not. */
export type FindPerson = (connection: Connection, client: IdpClient, answer: TokenEndpointResponse) => Promise<NewUser>

type Needs = { verifyJwt: VerifyJwt; egress: Pick<Egress, 'request'> }

/** Those of OIDC Core §5.1. */
export const standardClaims: Claims = { subject: 'sub', email: 'email', email_verified: 'email_verified', name: 'name' }

export const createFindPerson = ({ verifyJwt, egress }: Needs): FindPerson => {
  const claimsFrom: Readonly<Record<Connection['kind'], (...given: Parameters<FindPerson>) => Promise<object>>> = {
    saml: async () => {
      throw new Error('a connection by SAML answers with no token')
    },
    // OIDC Core §3.1.3.7: everything but the signature was checked when the code was redeemed.
    oidc: (_connection, { issuer, clientId, jwksUri = '' }, { id_token = '' }) =>
      verifyJwt(id_token, { issuer, clientId, jwksUri }),
    oauth2: async (_connection, { userinfoEndpoint = '' }, { access_token }) => {
      const told = await fetchJson(egress, userinfoEndpoint, { headers: { authorization: `Bearer ${access_token}` } })
      if (typeof told === 'object' && told !== null) return told
      throw new Error('userinfo is not an object')
    }
  }
  return async (connection, client, answer) => {
    const told = await claimsFrom[connection.kind](connection, client, answer).catch((cause: unknown) => {
      throw isUnavailable(cause) ? cause : failed(undefined, cause)
    })
    return personOf(told, connection.claims ?? standardClaims)
  }
}

const isUnavailable = (cause: unknown) =>
  cause instanceof ReportedError && cause.code === 'identity_provider_unavailable'

const [subjectMax, emailMax, nameMax] = [255, 320, 255]

export const personOf = (told: object, claims: Claims): NewUser => {
  const find = (name: string | null) => (name === null ? undefined : claimOf(told, name))
  const subject = subjectFrom(find(claims.subject))
  if (subject === undefined)
    throw failed(`The identity provider did not say who you are: ${claims.subject} is missing.`)
  const email = text(find(claims.email), emailMax)
  const isVerified = find(claims.email_verified)
  return {
    subject,
    email,
    // Some write it as text.
    is_email_verified: email !== null && (isVerified === true || isVerified === 'true'),
    name: text(find(claims.name), nameMax)
  }
}

/** OIDC Core §2 has text; others number their users. */
const subjectFrom = (value: unknown): string | undefined => {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  return typeof value === 'string' && value !== '' && value.length <= subjectMax ? value : undefined
}

const text = (value: unknown, charactersMax: number): string | null =>
  typeof value === 'string' && value !== '' && value.length <= charactersMax ? value : null

/** A claim by its name, or by names with dots between them where it is inside of others. */
const claimOf = (told: object, name: string): unknown =>
  Object.hasOwn(told, name)
    ? Reflect.get(told, name)
    : name
        .split('.')
        .reduce<unknown>((inside, part) => (isHolder(inside, part) ? Reflect.get(inside, part) : undefined), told)

const isHolder = (value: unknown, name: string): value is object =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
