import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose'

/** Who calls, as the token says that the issuer signed for this server alone. */
export type Caller = { subject: string; email: string | undefined; audience: string; issuer: string }

/** Verifies bearer tokens against the issuer's keys, which are looked up at the first token. */
export const createVerifier = ({
  issuer,
  audience,
  now = () => new Date()
}: {
  issuer: string
  audience: string
  now?: () => Date
}) => {
  let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined

  const findKeys = async () => {
    const response = await fetch(`${issuer}/.well-known/openid-configuration`)
    const metadata: unknown = await response.json()
    const uri = isRecord(metadata) && metadata.issuer === issuer ? metadata.jwks_uri : undefined
    if (typeof uri !== 'string') throw new Error('the issuer publishes no keys')
    return createRemoteJWKSet(new URL(uri))
  }

  return async (token: string): Promise<Caller> => {
    keys ??= findKeys()
    const jwks = await keys.catch((thrown: unknown) => {
      keys = undefined
      throw thrown
    })
    const { payload } = await jwtVerify(token, jwks, {
      issuer,
      audience,
      algorithms: ['ES256'],
      typ: 'at+jwt',
      currentDate: now(),
      requiredClaims: ['exp', 'sub', 'aud', 'iss']
    })
    return callerOf(payload, issuer, audience)
  }
}

const callerOf = ({ sub, aud, email }: JWTPayload, issuer: string, audience: string): Caller => {
  // A token for several servers could be replayed by one of them at another.
  if (sub === undefined || aud !== audience) throw new Error('not a token for this server alone')
  return { subject: sub, email: typeof email === 'string' ? email : undefined, audience, issuer }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
