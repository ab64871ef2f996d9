import { ReportedError } from '@onbehalf/errors'
import { type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose'
import { parseShallow } from './json.ts'
import type { FindIdpKeys } from './keys.ts'

export const charactersMax = 64 * 1024
const toleranceSeconds = 30

/** No `none`, and nothing that is verified with a secret: who could verify could also sign. */
export const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519'
]

type By = { issuer: string; clientId: string; jwksUri: string }
type Asked = Pick<JWTVerifyOptions, 'typ' | 'requiredClaims' | 'maxTokenAge'>

export type VerifyJwt = (token: string, by: By, asked?: Asked) => Promise<JWTPayload>

/**
 * The claims of a JWT that a connection's IdP signed for our client: by one of its published keys, issuer and audience
 * exact, not ended (30 s of clock skew), at most 64 KiB and not nested deep.
 */
export const createVerifyJwt =
  (findKeys: FindIdpKeys): VerifyJwt =>
  async (token, { issuer, clientId, jwksUri }, asked = {}) => {
    if (token.length > charactersMax)
      throw new ReportedError('upstream_error', `The token is longer than ${charactersMax} characters.`)
    const [header = '', payload = ''] = token.split('.')
    for (const part of [header, payload]) parseShallow(Buffer.from(part, 'base64url').toString())
    const verified = await jwtVerify(token, findKeys(jwksUri), {
      ...asked,
      ...{ issuer, audience: clientId, algorithms, clockTolerance: toleranceSeconds }
    })
    return verified.payload
  }
