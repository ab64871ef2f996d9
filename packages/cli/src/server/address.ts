import { isIP } from 'node:net'
import { Problem } from '../problem.ts'

const isLoopback = (host: string): boolean => {
  const bare = host.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'))
}

const refuse = (what: string, why: string, kind: 'usage' | 'unreachable') => new Problem(kind, `${what} ${why}.`)

/** A URL that may be asked or shown: https, http on this machine, or anywhere with --insecure. Throws `Problem`. */
const checkUrl = (text: string, what: string, isInsecure: boolean, kind: 'usage' | 'unreachable'): URL => {
  if (text.length > 2048 || !URL.canParse(text)) throw refuse(what, 'is not a URL', kind)
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refuse(what, 'is no https URL', kind)
  if (url.username !== '' || url.password !== '') throw refuse(what, 'has a user name in it, which could deceive', kind)
  if (url.protocol === 'https:' || isInsecure || isLoopback(url.hostname)) return url
  throw refuse(what, 'is http: what is sent there could be read by others. Use https, or say --insecure', kind)
}

/** The origin of the server that somebody named. */
export const serverOrigin = (text: string, isInsecure: boolean): string => {
  const given = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`
  return checkUrl(given, 'The server', isInsecure, 'usage').origin
}

/** A link that a server wants people to open, written so that it holds nothing but a URL. */
export const checkLink = (text: unknown, isInsecure: boolean): string =>
  checkUrl(typeof text === 'string' ? text : '', 'The link that the server sent', isInsecure, 'unreachable').href
