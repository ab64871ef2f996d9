/** Header names in lower case; a header that came more than once is an array. */
export type Headers = Record<string, string | string[] | undefined>

const credentialNames = new Set(['authorization', 'cookie', 'proxy-authorization'])
// Set from the URL and the body alone: undici takes the TLS server name from a Host header.
const ownNames = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'expect',
  'te',
  'trailer'
])
// A list of what may cross, since the name of a custom credential header cannot be known.
const crossingNames = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'content-type',
  'user-agent',
  'mcp-protocol-version'
])

const filter = (headers: Record<string, string>, keeps: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => keeps(name)))

/** The caller's headers in lower case, without those that belong to the connection. */
export const requestHeaders = (headers: Record<string, string>): Record<string, string> => {
  const kept: Record<string, string> = { 'accept-encoding': 'identity' }
  for (const given in headers) {
    const name = given.toLowerCase()
    const value = headers[given]
    if (value !== undefined && !ownNames.has(name)) kept[name] = value
  }
  return kept
}

export const namesCredential = (headers: Record<string, string>): boolean => {
  for (const name of credentialNames) if (headers[name] !== undefined) return true
  return false
}

export const crossOriginHeaders = (headers: Record<string, string>): Record<string, string> =>
  filter(headers, (name) => crossingNames.has(name))

export const withoutBodyHeaders = (headers: Record<string, string>): Record<string, string> =>
  filter(headers, (name) => !name.startsWith('content-'))

/** The headers of an answer whose body is handed out decoded. */
export const withoutCoding = ({ 'content-encoding': _coding, 'content-length': _length, ...rest }: Headers): Headers =>
  rest

/** A header that comes once; of several the first. */
export const headerOf = (headers: Headers, name: string): string | undefined => {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}
