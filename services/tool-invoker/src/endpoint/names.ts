import { createHash } from 'node:crypto'

const lengthMax = 128
const separator = '__'
const hashed = /_[0-9a-f]{8}$/

/** The name of a tool among those of all providers: what no longer fits is cut and told apart by its hash. */
export const joinName = (server_identifier: string, tool: string): string => {
  // No more of it could be in the name, however long it is.
  const beginning = tool.slice(0, lengthMax)
  const name = `${server_identifier}${separator}${beginning.replaceAll(/[^A-Za-z0-9_.-]/g, '_')}`
  if (name.length <= lengthMax && name.endsWith(`${separator}${tool}`)) return name
  const hash = createHash('sha256').update(tool).digest('hex').slice(0, 8)
  return `${name.slice(0, lengthMax - hash.length - 1)}_${hash}`
}

const scheme = 'onbehalf://'

/** The URI of a resource, or of a template of them, among those of all providers. */
export const joinUri = (server_identifier: string, uri: string): string => `${scheme}${server_identifier}/${uri}`

/** Where a joined URI leads; undefined where it is none. */
export const splitUri = (joined: string): { server_identifier: string; uri: string } | undefined => {
  if (!joined.startsWith(scheme)) return undefined
  const at = joined.indexOf('/', scheme.length)
  const server_identifier = joined.slice(scheme.length, Math.max(at, scheme.length))
  const uri = joined.slice(at + 1)
  return at < 0 || server_identifier === '' || uri === '' ? undefined : { server_identifier, uri }
}

/** Where a joined name leads; undefined where it is none. `isHashed` when the tool's own name may be another one. */
export const splitName = (name: string): { server_identifier: string; tool: string; isHashed: boolean } | undefined => {
  const at = name.indexOf(separator)
  if (at <= 0 || at + separator.length === name.length) return undefined
  const server_identifier = name.slice(0, at)
  return { server_identifier, tool: name.slice(at + separator.length), isHashed: hashed.test(name) }
}
