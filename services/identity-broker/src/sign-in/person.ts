import { ReportedError } from '@onbehalf/errors'
import type { TokenEndpointResponse } from 'openid-client'
import type { IdpClient } from '../connections/client.ts'
import type { VerifyJwt } from '../connections/verify-jwt.ts'
import type { Connection, NewUser } from '../database.ts'
import { failed } from './failed.ts'

/** Who signed in, as the IdP confirms it. Throws `sign_in_failed` where it does not. */
export type FindPerson = (connection: Connection, client: IdpClient, answer: TokenEndpointResponse) => Promise<NewUser>

type Needs = { verifyJwt: VerifyJwt }

export const createFindPerson = ({ verifyJwt }: Needs): FindPerson => {
  const find: Readonly<Record<Connection['kind'], FindPerson>> = {
    /** OIDC Core §3.1.3.7: everything but the signature was checked when the code was redeemed. */
    oidc: async (_connection, { issuer, clientId, jwksUri = '' }, { id_token = '' }) => {
      const { sub, email, email_verified, name } = await verifyJwt(id_token, { issuer, clientId, jwksUri })
      if (!sub) throw failed()
      return { subject: sub, email: text(email), is_email_verified: email_verified === true, name: text(name) }
    },
    oauth2: async () => {
      throw failed()
    }
  }
  return (connection, client, answer) =>
    find[connection.kind](connection, client, answer).catch((cause: unknown) => {
      throw isOurs(cause) ? cause : failed(undefined, cause)
    })
}

/** What is already in words for whoever signs in. */
const isOurs = (cause: unknown) =>
  cause instanceof ReportedError && (cause.code === 'sign_in_failed' || cause.code === 'identity_provider_unavailable')

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)
