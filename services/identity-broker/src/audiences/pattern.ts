import { ReportedError } from '@onbehalf/errors'

const loopback = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/
// One label, and at least two behind it: `*.com` would be everybody's.
const anyLabel = /^(https?:\/\/)\*\.((?:[a-z0-9-]+\.)+[a-z0-9-]+(?::\d+)?)$/
// What a star stands for: segments of unreserved characters (RFC 3986 §2.3). No `%2f`, `;` or `//` that a server might
// read as another path than we do.
const freePath = /^(?:[A-Za-z0-9._~-]+\/)*[A-Za-z0-9._~-]*$/

type Pattern = {
  /** As `URL.origin`; with `*` for the leftmost label where any one label may stand there. */
  origin: string
  /** Byte for byte; ends in `/` where what follows is free. */
  path: string
  isPrefix: boolean
}

/**
 * Throws `invalid_request`, naming `path`, for a pattern that does not say clearly what it covers. A pattern is an
 * audience, or one that ends in `/*`, or has `*` for its first label: `https://*.tools.example.com/mcp/*`.
 */
export const checkPattern = (text: string, path = 'pattern'): void => {
  const message = faultOf(read(text))
  if (message) throw new ReportedError('invalid_request', `${path} ${message}.`, { details: [{ path, message }] })
}

const read = (text: string): Pattern => {
  const [, origin = '', rest = ''] = /^([a-z]+:\/\/[^/?#]*)(.*)$/s.exec(text) ?? []
  const isPrefix = rest.endsWith('/*')
  return { origin, path: isPrefix ? rest.slice(0, -1) : rest, isPrefix }
}

const faultOf = ({ origin, path }: Pattern): string | undefined => {
  if (origin === '') return 'must be an absolute URL, such as https://tools.example.com/mcp/*'
  const concrete = origin.replace(anyLabel, '$1x.$2')
  if (concrete.includes('*')) return 'may have * only as the whole first label, with two labels behind it'
  if (path.includes('*')) return 'may have * in the path only as its last segment: /mcp/*'
  if (!isNormal(`${concrete}${path}`)) return 'must be written as a URL is normalised, without query, fragment or user'
  if (!concrete.startsWith('https://') && !loopback.test(concrete)) return 'must begin with https://'
  return undefined
}

/** Whether an audience is one the pattern speaks of. One that is not written in the normal form never is. */
export const covers = (text: string, audience: string): boolean => {
  const pattern = read(text)
  if (faultOf(pattern) !== undefined || !isNormal(audience)) return false
  const { origin } = new URL(audience)
  if (!isOrigin(pattern.origin, origin)) return false
  const path = audience.slice(origin.length)
  if (!pattern.isPrefix) return path === pattern.path
  // A whole origin is also what its URL without a path names.
  if (path === '' && pattern.path === '/') return true
  return path.startsWith(pattern.path) && freePath.test(path.slice(pattern.path.length))
}

const isOrigin = (pattern: string, origin: string): boolean => {
  const [, scheme = '', tail = ''] = anyLabel.exec(pattern) ?? []
  if (tail === '') return origin === pattern
  const label = origin.slice(scheme.length, -`.${tail}`.length)
  return origin === `${scheme}${label}.${tail}` && /^[a-z0-9-]+$/.test(label)
}

/** A URL that a parser prints as it was written, but for the slash of an empty path: everybody reads the same in it. */
const isNormal = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { href, username, password, search, hash } = new URL(text)
  const isSame = href === text || href === `${text}/`
  return isSame && !/[?#]/.test(text) && `${username}${password}${search}${hash}` === ''
}
