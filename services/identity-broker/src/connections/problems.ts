import { ReportedError } from '@onbehalf/errors'

export const invalid = (path: string, message: string, cause?: unknown) =>
  new ReportedError('invalid_request', `${path} ${message}.`, { details: [{ path, message }], cause })

/** Also for a connection of another tenant: whether it exists is not told. */
export const noSuchConnection = () => new ReportedError('not_found', 'There is no such connection.')

export const changedMeanwhile = () =>
  new ReportedError('conflict', 'The connection was changed by somebody else meanwhile. Read it and try again.')
