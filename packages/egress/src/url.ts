import { isIP } from 'node:net'
import { ReportedError } from '@onbehalf/errors'
import { EgressFailure } from './failure.ts'

const urlCharactersMax = 8_192
// RFC 1035 §2.3.4, without the dot that it may end with.
const hostCharactersMax = 253
const shape = /^https?:\/\/([^/?#]+)/i

const refuse = (fault: string): never => {
  throw new ReportedError('invalid_request', `The URL ${fault}.`, { cause: new EgressFailure(`URL ${fault}`, 'no') })
}

// The parser turns 2130706433, 0x7f.1, 0177.0.0.1 and 127。0。0。1 into 127.0.0.1. Whoever writes one has something to hide.
const isDisguised = (written: string, hostname: string): boolean =>
  isIP(hostname) === 4 && written.replace(/:\d*$/, '') !== hostname

/**
 * Checks a URL's form, without any look-up: absolute http or https, no user name or password, no address in decimal,
 * octal or hexadecimal disguise, no white space or backslash, at most 8192 characters, 253 of them of its host.
 *
 * @returns the parsed URL, without its fragment
 * @throws ReportedError `invalid_request` that says what is wrong
 */
export const checkUrl = (text: string): URL => {
  if (text.length > urlCharactersMax) return refuse(`is longer than ${urlCharactersMax} characters`)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the parser drops them silently, so they must be seen here
  if (/[\s\\\u0000-\u001f\u007f]/.test(text)) return refuse('has white space, a backslash or a control character')
  const authority = shape.exec(text)?.[1]
  if (authority === undefined) return refuse('is not an absolute http or https URL')
  if (authority.includes('@')) return refuse('has a user name or password in it')
  if (!URL.canParse(text)) return refuse('is malformed')
  const url = new URL(text)
  if (url.hostname.replace(/\.$/, '').length > hostCharactersMax)
    return refuse('has a host name that is longer than 253 characters')
  if (isDisguised(authority, url.hostname)) return refuse('writes its IPv4 address in an unusual form')
  if (url.hash !== '') url.hash = ''
  return url
}

/** The host as connecting and checking need it: an IPv6 address without its brackets. */
export const bareHost = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '')

export const portOf = (url: URL): number => Number(url.port || (url.protocol === 'https:' ? 443 : 80))
