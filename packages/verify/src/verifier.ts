import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type ProtectedHeaderParameters
} from 'jose'
import { checkCall, isBound, onlyCallIn, type ToolCall } from './call.ts'
import { bearerOf, challengeOf } from './challenge.ts'
import { invalid, unavailable, VerifyError } from './errors.ts'
import { type Identity, identityOf } from './identity.ts'
import { createIssuerKeys, type FindKeys } from './issuer-keys.ts'
import { checkAudience, normalType, readIssuers, type TrustedIssuer, type VerifierOptions } from './options.ts'

/** A refusal, ready to be sent. */
export type Refusal = { status: 401 | 503; headers: Record<string, string>; body: { error: string; message: string } }

export type Verifier = {
  /**
   * The identity that `token` names, after signature, type, issuer, audience and time. With the call it was sent with:
   * a token that is for one call must be for this one, and where there is a replay store it is used up. Throws
   * VerifyError.
   */
  verify: (token: string, options?: { call?: ToolCall }) => Promise<Identity>
  /** The same for a request to an MCP server, from its Authorization header and its parsed body. Throws VerifyError. */
  authenticate: (request: { authorization: string | null | undefined; body: unknown }) => Promise<Identity>
  /** How a VerifyError is answered. */
  refusalOf: (error: VerifyError) => Refusal
}

const lengthMax = 16_384
// RFC 7515 §7.1, without the padding and the line breaks that lenient decoders put up with.
const compactForm = /^[\w-]+\.[\w-]+\.[\w-]+$/
const retrySeconds = 5

/** Checks the tokens that an MCP server is called with. Throws an Error where the options cannot be meant. */
export const createVerifier = (options: VerifierOptions): Verifier => {
  const { audience, toleranceSeconds = 10, signInSecondsMax, replay, resourceMetadata, now = Date.now } = options
  const issuers = readIssuers(options)
  checkAudience(audience)
  const needs = { fetch: options.fetch ?? globalThis.fetch, now }
  const keysOf = new Map<string, FindKeys>([...issuers.keys()].map((name) => [name, createIssuerKeys(name, needs)]))

  const readToken = async (token: string): Promise<Identity> => {
    const { header, trusted } = readUnverified(token, issuers)
    const findKeys = keysOf.get(trusted.issuer)
    if (!findKeys) throw invalid('the issuer is not trusted')
    const keys = await findKeys(header.kid).catch((cause: unknown) => {
      throw unavailable(`the keys of ${trusted.issuer} cannot be had`, cause)
    })
    const { payload } = await jwtVerify(token, keys, {
      issuer: trusted.issuer,
      audience,
      algorithms: [...trusted.algorithms],
      clockTolerance: toleranceSeconds,
      currentDate: new Date(now()),
      requiredClaims: ['exp', 'sub']
    }).catch((cause: unknown) => {
      throw invalid(cause instanceof errors.JOSEError ? cause.code : 'the signature cannot be checked', cause)
    })
    checkClaims(payload)
    return identityOf(payload)
  }

  const checkClaims = ({ aud, iat }: JWTPayload): void => {
    // A token for several servers could be sent on by one of them to another.
    if (Array.isArray(aud) && aud.length > 1) throw invalid('the token is for several servers')
    if (iat !== undefined && iat > now() / 1000 + toleranceSeconds) throw invalid('the token is of the future')
  }

  const checkSignIn = ({ auth_time }: Identity): void => {
    if (signInSecondsMax === undefined) return
    const isRecent = auth_time !== undefined && now() / 1000 - auth_time <= signInSecondsMax + toleranceSeconds
    if (isRecent) return
    throw new VerifyError('insufficient_user_authentication', 'the last sign-in is too long ago, or not told', {
      max_age: signInSecondsMax
    })
  }

  const isForOneCall = (identity: Identity): boolean =>
    isBound(identity) || issuers.get(identity.issuer)?.isOnce === true

  const useUp = async ({ issuer, jti, expires_at }: Identity): Promise<void> => {
    if (!replay) return
    if (jti === undefined) throw invalid('the token has no jti to be remembered by')
    // By its id: one token can be written in several ways, and each of them would be another text.
    const isFirst = await Promise.resolve()
      .then(() => replay.isFirst(`${issuer} ${jti}`, expires_at + toleranceSeconds))
      .catch((cause: unknown) => {
        throw unavailable('the replay store cannot be asked', cause)
      })
    if (!isFirst) throw invalid('the token was used before')
  }

  const useFor = async (identity: Identity, call: ToolCall): Promise<void> => {
    checkCall(identity, call)
    if (isForOneCall(identity)) await useUp(identity)
  }

  const verify: Verifier['verify'] = async (token, { call } = {}) => {
    const identity = await readToken(token)
    checkSignIn(identity)
    if (call) await useFor(identity, call)
    return identity
  }

  return {
    verify,
    authenticate: async ({ authorization, body }) => {
      const identity = await verify(bearerOf(authorization))
      const call = isForOneCall(identity) ? onlyCallIn(body) : undefined
      if (call) await useFor(identity, call)
      return identity
    },
    refusalOf: (error) => {
      const { code, message, status } = error
      const challenge = challengeOf(error, resourceMetadata)
      const headers = challenge ? { 'www-authenticate': challenge } : { 'retry-after': String(retrySeconds) }
      return { status, headers, body: { error: code, message } }
    }
  }
}

/** What chooses the keys is read before the signature, and counts only after it. */
const readUnverified = (
  token: string,
  issuers: ReadonlyMap<string, TrustedIssuer>
): { header: ProtectedHeaderParameters; trusted: TrustedIssuer } => {
  if (token.length > lengthMax || !compactForm.test(token)) throw invalid('it is not a signed JWT')
  const { header, iss } = decode(token)
  const trusted = issuers.get(iss ?? '')
  if (!trusted) throw invalid('the issuer is not trusted')
  if (!trusted.algorithms.includes(header.alg ?? '')) throw invalid('the algorithm is not allowed')
  if (typeof header.typ !== 'string' || !trusted.types.has(normalType(header.typ)))
    throw invalid('the type is not allowed')
  return { header, trusted }
}

const decode = (token: string): { header: ProtectedHeaderParameters; iss: string | undefined } => {
  try {
    return { header: decodeProtectedHeader(token), iss: decodeJwt(token).iss }
  } catch (cause) {
    throw invalid('it is not a signed JWT', cause)
  }
}
