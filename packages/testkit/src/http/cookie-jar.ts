type Cookie = { name: string; value: string; path: string; until: number }

/** Cookies of one browser, apart per origin, as RFC 6265 §5 keeps them and without what only matters across sites. */
export type CookieJar = {
  store: (url: URL, setCookie: readonly string[]) => void
  header: (url: URL) => string | undefined
  all: (url: URL) => Record<string, string>
  clear: () => void
}

export const createCookieJar = (now: () => number = Date.now): CookieJar => {
  const origins = new Map<string, Map<string, Cookie>>()

  const fitting = (url: URL): Cookie[] =>
    [...(origins.get(url.origin)?.values() ?? [])]
      .filter(({ until, path }) => until > now() && pathMatches(url.pathname, path))
      .sort((one, other) => other.path.length - one.path.length)

  const keep = (url: URL, line: string) => {
    const cookie = parse(url, line, now())
    if (!cookie) return
    const kept = origins.get(url.origin) ?? new Map<string, Cookie>()
    origins.set(url.origin, kept)
    const key = `${cookie.name};${cookie.path}`
    if (cookie.until > now()) kept.set(key, cookie)
    else kept.delete(key)
  }

  return {
    store: (url, lines) => {
      for (const line of lines) keep(url, line)
    },
    header: (url) => {
      const cookies = fitting(url)
      return cookies.length === 0 ? undefined : cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    },
    all: (url) => Object.fromEntries(fitting(url).map(({ name, value }) => [name, value])),
    clear: () => origins.clear()
  }
}

const parse = (url: URL, line: string, now: number): Cookie | undefined => {
  const [pair = '', ...rest] = line.split(';')
  const equals = pair.indexOf('=')
  const name = pair.slice(0, equals).trim()
  if (equals < 1 || name === '') return undefined
  const attributes = new Map(rest.map((part) => attribute(part)))
  const isSecure = attributes.has('secure')
  // Loopback counts as a secure place, as in browsers.
  if (isSecure && url.protocol !== 'https:' && !isLoopback(url)) return undefined
  const path = attributes.get('path')
  if (/^__(host|secure)-/i.test(name) && !isSecure) return undefined
  if (/^__host-/i.test(name) && (path !== '/' || attributes.has('domain'))) return undefined
  return {
    name,
    value: pair.slice(equals + 1).trim(),
    path: path?.startsWith('/') ? path : defaultPath(url.pathname),
    until: expiry(attributes, now)
  }
}

const attribute = (part: string): [string, string] => {
  const equals = part.indexOf('=')
  if (equals < 0) return [part.trim().toLowerCase(), '']
  return [part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim()]
}

const expiry = (attributes: Map<string, string>, now: number): number => {
  const maxAge = attributes.get('max-age')
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return now + Number(maxAge) * 1000
  const expires = Date.parse(attributes.get('expires') ?? '')
  return Number.isNaN(expires) ? Number.POSITIVE_INFINITY : expires
}

const isLoopback = ({ hostname }: URL) => hostname === '127.0.0.1' || hostname === 'localhost' || hostname === '[::1]'

// RFC 6265 §5.1.4
const defaultPath = (pathname: string): string => pathname.slice(0, pathname.lastIndexOf('/')) || '/'

const pathMatches = (pathname: string, path: string): boolean =>
  pathname === path || (pathname.startsWith(path) && (path.endsWith('/') || pathname[path.length] === '/'))
