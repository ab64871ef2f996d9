// MCP 2026-07-28, Streamable HTTP, "Custom headers from tool parameters".
const annotation = 'x-mcp-header'

// RFC 9110 §5.6.2
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const mirrored: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean'])

/** Where a schema may hold others that are not reached through `properties` alone. */
const subschemas: ReadonlySet<string> = new Set([
  ...['items', 'prefixItems', 'contains', 'additionalProperties', 'unevaluatedItems', 'unevaluatedProperties'],
  ...['allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else', 'propertyNames'],
  ...['patternProperties', 'dependentSchemas', '$defs', 'definitions']
])

/** Why the arguments that `schema` annotates cannot be mirrored into headers; such a tool must not be offered. */
export const faultOfParameterHeaders = (schema: unknown): string | undefined => {
  const names = new Set<string>()
  return faultIn(schema, names, { isReachable: true, isRoot: true })
}

type Place = { isReachable: boolean; isRoot: boolean }

const faultIn = (node: unknown, names: Set<string>, place: Place): string | undefined => {
  if (typeof node !== 'object' || node === null) return undefined
  const own = Object.hasOwn(node, annotation) ? faultOfOne(new Map(Object.entries(node)), names, place) : undefined
  return own ?? firstFault(Object.entries(node), ([key, value]) => faultBelow(key, value, names, place.isReachable))
}

const faultBelow = (key: string, value: unknown, names: Set<string>, isReachable: boolean): string | undefined => {
  if (typeof value !== 'object' || value === null) return undefined
  const within = { isReachable: false, isRoot: false }
  if (key === 'properties')
    return firstFault(Object.values(value), (one) => faultIn(one, names, { ...within, isReachable }))
  if (!subschemas.has(key)) return undefined
  return faultIn(value, names, within) ?? firstFault(Object.values(value), (one) => faultIn(one, names, within))
}

const faultOfOne = (schema: Map<string, unknown>, names: Set<string>, { isReachable, isRoot }: Place) => {
  const name = schema.get(annotation)
  if (typeof name !== 'string' || !token.test(name)) return `an ${annotation} is no name of a header`
  if (!isReachable || isRoot) return `the ${annotation} "${name}" is not at a property that every call has`
  if (!mirrored.has(schema.get('type'))) return `the ${annotation} "${name}" is at a value that fits in no header`
  if (names.has(name.toLowerCase())) return `the ${annotation} "${name}" is given twice`
  names.add(name.toLowerCase())
  return undefined
}

const firstFault = <Item>(items: readonly Item[], faultOf: (item: Item) => string | undefined): string | undefined => {
  for (const item of items) {
    const fault = faultOf(item)
    if (fault) return fault
  }
  return undefined
}
