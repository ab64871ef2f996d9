import { ReportedError } from '@onbehalf/errors'
import { isNameTaken } from './store.ts'

export const invalid = (path: string, message: string, cause?: unknown) =>
  new ReportedError('invalid_request', `${path} ${message}.`, { details: [{ path, message }], cause })

/** Also for a connection of another tenant: whether it exists is not told. */
export const noSuchConnection = () => new ReportedError('not_found', 'There is no such connection.')

export const changedMeanwhile = () =>
  new ReportedError('conflict', 'The connection was changed by somebody else meanwhile. Read it and try again.')

export const tooMany = (max: number) =>
  new ReportedError('conflict', `A tenant can have ${max} connections. Delete one that is no longer needed.`)

/** A refusal of Postgres for a name that another connection of the tenant has, as a conflict that names the field. */
export const refuseTaken = (error: unknown): never => {
  if (!isNameTaken(error)) throw error
  throw new ReportedError('conflict', 'Another connection of your tenant has this name. Choose another one.', {
    details: [{ path: 'name', message: 'is taken' }],
    cause: error
  })
}
