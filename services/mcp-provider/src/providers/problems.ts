import { ReportedError } from '@onbehalf/errors'
import { takenFieldOf } from './store.ts'

export const invalid = (path: string, message: string, cause?: unknown) =>
  new ReportedError('invalid_request', `${path} ${message}.`, { details: [{ path, message }], cause })

/** Also for a provider of another tenant: whether it exists is not told. */
export const noSuchProvider = () => new ReportedError('not_found', 'There is no such MCP provider.')

/** For an app that acts for somebody without a role: it is told what would help, since it knows the provider all the same. */
export const notForExternals = (name: string) =>
  new ReportedError(
    'policy_denied',
    `"${name}" is for members, and this user is none. An administrator can mark the provider as external.`,
    { details: [{ path: 'user_id', message: 'is no member' }] }
  )

export const changedMeanwhile = () =>
  new ReportedError('conflict', 'The provider was changed by somebody else meanwhile. Read it and try again.')

export const tooMany = (providersMax: number) =>
  new ReportedError('conflict', `A tenant can have ${providersMax} providers. Delete one that is no longer needed.`)

/** A refusal of Postgres for a value that another provider of the tenant has, as a conflict that names the field. */
export const refuseTaken = (error: unknown): never => {
  const path = takenFieldOf(error)
  if (path === undefined) throw error
  throw new ReportedError('conflict', `Another provider of your tenant has this ${path}. Choose another one.`, {
    details: [{ path, message: 'is taken' }],
    cause: error
  })
}
