import { VerifyError } from './errors.ts'

/** The token of an Authorization header (RFC 6750 §2.1). Throws `missing_token` where there is none. */
export const bearerOf = (authorization: string | null | undefined): string => {
  const token = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization ?? '')?.[1]
  if (token !== undefined) return token
  throw new VerifyError('missing_token', 'no bearer token was sent')
}

/** The WWW-Authenticate header of a refusal (RFC 6750 §3, RFC 9728 §5.1, RFC 9470 §3); undefined where it has none. */
export const challengeOf = (error: VerifyError, resourceMetadata: string | undefined): string | undefined => {
  const { code, message, max_age } = error
  if (code === 'unavailable') return undefined
  // RFC 6750 §3.1: no error code where no token was sent.
  const facts = {
    ...(code === 'missing_token' ? {} : { error: code, error_description: message }),
    ...(max_age === undefined ? {} : { max_age: String(max_age) }),
    ...(resourceMetadata === undefined ? {} : { resource_metadata: resourceMetadata })
  }
  const parameters = Object.entries(facts).map(([name, value]) => `${name}="${value}"`)
  return ['Bearer', parameters.join(', ')].join(' ').trim()
}
