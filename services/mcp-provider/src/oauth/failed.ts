import { ReportedError } from '@onbehalf/errors'

/** An authorization that came to nothing, in the words of the page. */
export const failed = (why: string, cause?: unknown) =>
  new ReportedError('sign_in_failed', `${why} Go back to where you came from and try once more.`, { cause })
