import { domainToASCII } from 'node:url'
import { ReportedError } from '@onbehalf/errors'
import { publicMailDomains } from './public-mail.ts'

// RFC 1035 §2.3.1, at least two labels, and a last one that no IP address has.
const hostName = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$/

/** A domain as DNS has it: lower case, A-labels. Throws `invalid_request` for what is none, or is everybody's. */
export const domainName = (given: string): string => {
  const name = domainToASCII(given.trim())
  if (!hostName.test(name)) throw invalid('must be a domain such as example.com')
  if (publicMailDomains.has(name)) throw invalid('gives e-mail addresses to everybody, so it can belong to no tenant')
  return name
}

const invalid = (message: string) =>
  new ReportedError('invalid_request', `domain ${message}.`, { details: [{ path: 'domain', message }] })

/** The domain of an e-mail address, in the same form; undefined where there is none. */
export const domainOf = (email: string): string | undefined => domainToASCII(email.split('@').at(-1) ?? '') || undefined
