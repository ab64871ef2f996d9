import { matches } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import type { Connection } from '../../database.ts'
import type { IdpClient } from '../client.ts'
import type { SuspectedQuirk } from '../vocabulary.ts'

type Came = {
  connection: Pick<Connection, 'kind' | 'quirks'>
  client: Pick<IdpClient, 'configuration'>
  query: URLSearchParams
}

/** What openid-client says of an answer without something that has to be there. */
const Invalid = Type.Object({ code: Type.Literal('OAUTH_INVALID_RESPONSE') })

/** Of an ID token with all that OIDC Core §2 wants, but no nonce. A nonce of another sign-in is no quirk. */
const WithoutNonce = Type.Object({
  cause: Type.Object({
    cause: Type.Object({
      claims: Type.Object({
        ...{ iss: Type.Unknown(), sub: Type.Unknown(), aud: Type.Unknown(), exp: Type.Unknown(), iat: Type.Unknown() },
        nonce: Type.Optional(Type.Undefined())
      })
    })
  })
})

/** The quirk that would explain why the answer to a sign-in was refused, where it is not set. */
export const quirkBehindSignIn = (
  failure: unknown,
  { connection, client, query }: Came
): SuspectedQuirk | undefined => {
  if (!matches(Invalid, failure)) return undefined
  const { quirks } = connection
  if (!query.get('iss') && client.configuration.serverMetadata().authorization_response_iss_parameter_supported)
    return 'no_iss_parameter'
  return !quirks.includes('no_nonce') && matches(WithoutNonce, failure) ? 'no_nonce' : undefined
}
