/** What a server says with a 401 or 403 (RFC 6750 §3, RFC 9728 §5.1). */
export type Challenge = { error?: string; scope?: string; resource_metadata?: string }

const lengthMax = 4_096
const names = ['error', 'scope', 'resource_metadata'] as const
const parameter = /([a-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.){0,2048})"|([^\s,"]{1,2048}))/gi

/** Reads a WWW-Authenticate header; what is not a Bearer challenge says nothing. */
export const readChallenge = (header: string | undefined): Challenge => {
  const start = header?.search(/\bBearer\b/i) ?? -1
  if (!header || start < 0) return {}
  const found: Record<string, string> = {}
  for (const [, name = '', quoted, plain] of header.slice(start, start + lengthMax).matchAll(parameter))
    found[name.toLowerCase()] ??= quoted?.replace(/\\(.)/g, '$1') ?? plain ?? ''
  return Object.fromEntries(names.flatMap((name) => (found[name] ? [[name, found[name]]] : [])))
}
