import { isJson, type Json } from './protocol.ts'

// MCP 2026-07-28, Streamable HTTP, "Custom headers from tool parameters".
const annotation = 'x-mcp-header'
// RFC 9110 §5.6.2
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/
const mirrored: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean'])
const headersMax = 50
/** How many `properties` may lead to one. */
const depthMax = 20

/** An argument that is repeated: in which header, in lower case, and the properties that lead to it. */
export type Annotation = { header: string; keys: readonly string[] }

const found = new WeakMap<object, readonly Annotation[]>()

/** The arguments that a tool's schema wants repeated; it is searched once. */
export const annotationsOf = (schema: Json): readonly Annotation[] => {
  const known = found.get(schema)
  if (known) return known
  const annotations = findAnnotations(schema, [])
  found.set(schema, annotations)
  return annotations
}

const findAnnotations = ({ properties }: Json, keys: readonly string[]): Annotation[] => {
  if (!isJson(properties) || keys.length === depthMax) return []
  return Object.entries(properties).flatMap(([key, below]) => {
    if (!isJson(below)) return []
    const header = parameterHeaderOf(below)
    return header ? [{ header, keys: [...keys, key] }] : findAnnotations(below, [...keys, key])
  })
}

/** The header, in lower case, that a property's schema wants its argument repeated in; undefined: in none. */
const parameterHeaderOf = ({ [annotation]: name, type }: Json): string | undefined =>
  typeof name === 'string' && token.test(name) && mirrored.has(type) ? `mcp-param-${name.toLowerCase()}` : undefined

/** Where a schema may hold others that are not reached through `properties` alone: itself one, in a list, or by names. */
const subschemas: ReadonlySet<string> = new Set([
  ...['items', 'prefixItems', 'contains', 'additionalProperties', 'unevaluatedItems', 'unevaluatedProperties'],
  ...['allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else', 'propertyNames']
])
const named: ReadonlySet<string> = new Set(['patternProperties', 'dependentSchemas', '$defs', 'definitions'])

/** Why the arguments that `schema` annotates cannot be repeated in headers; such a tool must not be offered. */
export const faultOfParameterHeaders = (schema: unknown): string | undefined =>
  faultIn(schema, new Set(), { isReachable: true, depth: 0 })

type Place = { isReachable: boolean; depth: number }

const faultIn = (node: unknown, names: Set<string>, place: Place): string | undefined => {
  if (typeof node !== 'object' || node === null) return undefined
  const own = isJson(node) && Object.hasOwn(node, annotation) ? faultOfOne(node, names, place) : undefined
  return own ?? firstFault(Object.entries(node), ([key, value]) => faultBelow(key, value, names, place))
}

const faultBelow = (key: string, value: unknown, names: Set<string>, { isReachable, depth }: Place) => {
  if (typeof value !== 'object' || value === null) return undefined
  const within = { isReachable: false, depth: depth + 1 }
  if (key === 'properties')
    return firstFault(Object.values(value), (one) => faultIn(one, names, { ...within, isReachable }))
  // Each is looked at once: twice on each level would be without end.
  if (named.has(key) || (subschemas.has(key) && Array.isArray(value)))
    return firstFault(Object.values(value), (one) => faultIn(one, names, within))
  return subschemas.has(key) ? faultIn(value, names, within) : undefined
}

const faultOfOne = (schema: Json, names: Set<string>, { isReachable, depth }: Place): string | undefined => {
  const name = schema[annotation]
  if (typeof name !== 'string' || !token.test(name)) return `an ${annotation} is no name of a header`
  if (!isReachable || depth === 0) return `the ${annotation} "${name}" is not at a property that every call has`
  const header = parameterHeaderOf(schema)
  if (!header) return `the ${annotation} "${name}" is at a value that fits in no header`
  if (names.has(header)) return `the ${annotation} "${name}" is given twice`
  names.add(header)
  return depth > depthMax || names.size > headersMax ? `the ${annotation} "${name}" is one too many` : undefined
}

const firstFault = <Item>(items: readonly Item[], faultOf: (item: Item) => string | undefined): string | undefined => {
  for (const item of items) {
    const fault = faultOf(item)
    if (fault) return fault
  }
  return undefined
}
