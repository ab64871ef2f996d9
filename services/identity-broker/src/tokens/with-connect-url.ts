import { type ErrorCode, ReportedError } from '@onbehalf/errors'

const mendedBySigningIn: ReadonlySet<ErrorCode> = new Set([
  'no_refresh_token',
  'resource_not_granted',
  'identity_refresh_rejected'
])

/** An error that a sign-in would mend, with the link for whoever asked; any other one as it is. */
export const withConnectUrl = (error: unknown, urlFor: () => string): unknown => {
  if (!(error instanceof ReportedError) || !mendedBySigningIn.has(error.code)) return error
  const { code, message, extras } = error
  return new ReportedError(code, message, { ...extras, connect_url: urlFor(), cause: error })
}
