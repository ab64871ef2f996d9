import type { Readable } from 'node:stream'
import { AnswerFault, Refusal } from './failure.ts'
import { crossOriginHeaders, withoutBodyHeaders } from './headers.ts'
import { checkUrl } from './url.ts'

export type Hop = {
  url: URL
  method: string
  headers: Record<string, string>
  body: string | Uint8Array | Readable | undefined
}

const statuses = new Set([301, 302, 303, 307, 308])
const isSafe = (method: string): boolean => method === 'GET' || method === 'HEAD'

// What the server wrote is checked as it is written, before the parser can turn a disguised host into a plain one.
const targetOf = (location: string, base: URL): URL => {
  try {
    if (location.startsWith('//')) return checkUrl(`${base.protocol}${location}`)
    return checkUrl(/^[a-z][a-z0-9+.-]*:/i.test(location) ? location : new URL(location, base).href)
  } catch (cause) {
    throw new AnswerFault('redirected to a URL that is not valid', { cause })
  }
}

const becomesGet = (status: number, method: string): boolean =>
  (status === 303 && !isSafe(method)) || (status < 303 && method === 'POST')

/**
 * The request that a redirect asks for (Fetch standard §4.4), or undefined when the answer is no redirect or one that
 * would carry a body or an unsafe method to another origin, or a stream twice. Credentials stay behind at the origin.
 */
export const nextHop = (hop: Hop, status: number, location: string | undefined): Hop | undefined => {
  if (!statuses.has(status) || location === undefined) return undefined
  const url = targetOf(location, hop.url)
  if (hop.url.protocol === 'https:' && url.protocol === 'http:')
    throw new Refusal('downgrade', `redirect to ${url.host}`)
  const next = becomesGet(status, hop.method)
    ? { url, method: 'GET', headers: withoutBodyHeaders(hop.headers), body: undefined }
    : { ...hop, url }
  const isCrossing = url.origin !== hop.url.origin
  if (isCrossing && !isSafe(next.method)) return undefined
  if (next.body !== undefined && (isCrossing || isStream(next.body))) return undefined
  return isCrossing ? { ...next, headers: crossOriginHeaders(next.headers) } : next
}

const isStream = (body: string | Uint8Array | Readable): body is Readable =>
  typeof body !== 'string' && !(body instanceof Uint8Array)
