import { ReportedError } from '@onbehalf/errors'

/** Without Redis nothing can be counted and nobody can be told apart: device sign-in stops rather than guess. */
export const orUnavailable = <Value>(work: Promise<Value>): Promise<Value> =>
  work.catch((cause: unknown) => {
    throw new ReportedError('unavailable', 'Device sign-in is not available right now. Try again shortly.', {
      cause,
      retry_after_seconds: 5
    })
  })
