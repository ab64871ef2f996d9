import { ReportedError } from '@onbehalf/errors'

/** A server, or its authorization server, that does not do what the standards ask. */
export const misfit = (message: string, cause?: unknown) => new ReportedError('upstream_error', message, { cause })

/** A server that does not renew what it gave, and refuses our client. */
export const misconfigured = (cause: unknown) =>
  new ReportedError(
    'upstream_unavailable',
    "The MCP server's authorization server refuses our client. An administrator must authorize the provider anew.",
    { cause, retry_after_seconds: 60 }
  )

/** An authorization that came to nothing, in the words of the page. */
export const failed = (why: string, cause?: unknown) =>
  new ReportedError('sign_in_failed', `${why} Go back to where you came from and try once more.`, { cause })

/** The same, where to try once more helps nobody: `why` says what does. */
export const notTheirs = (why: string) => new ReportedError('sign_in_failed', why)
