import { ReportedError } from '@onbehalf/errors'

/** A sign-in that came to nothing, in the words of the page. */
export const failed = (why = 'The identity provider did not confirm who you are.', cause?: unknown) =>
  new ReportedError('sign_in_failed', `${why} Please sign in again.`, { cause })

export const changedMeanwhile = () => failed('The way to sign in was changed meanwhile.')
