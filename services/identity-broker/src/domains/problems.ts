import { ReportedError } from '@onbehalf/errors'

export const noSuchDomain = () => new ReportedError('not_found', 'There is no such domain.')

const conflict = (message: string, path: string, detail: string, cause?: unknown) =>
  new ReportedError('conflict', message, { details: [{ path, message: detail }], cause })

/** Without saying whose it is. */
export const belongsElsewhere = (cause?: unknown) =>
  conflict('This domain cannot be yours here: it is verified already.', 'domain', 'is verified already', cause)

export const claimedAlready = (cause?: unknown) =>
  conflict('Your tenant has claimed this domain already.', 'domain', 'is claimed already', cause)

export const notProved = (name: string, found: number) =>
  conflict(
    `The TXT record ${name} ${found === 0 ? 'is not there' : 'says something else'}. Set it and try again; DNS may take a while.`,
    'record',
    found === 0 ? 'was not found' : 'has another value'
  )
