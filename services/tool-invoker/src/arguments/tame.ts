type Json = Record<string, unknown>

/** The keyword that counts: each time a schema is applied to a value it is one step. */
export const stepKeyword = 'x-step'

const one = new Set([
  ...['additionalProperties', 'unevaluatedProperties', 'propertyNames', 'items', 'unevaluatedItems', 'contains'],
  ...['not', 'if', 'then', 'else']
])
const several = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])
const named = new Set(['properties', 'patternProperties', 'dependentSchemas', '$defs', 'definitions'])
const plain = new Set([
  ...['type', 'nullable', 'enum', 'const', 'required', 'dependentRequired', 'pattern', '$ref'],
  ...['multipleOf', 'maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum', 'maxLength', 'minLength'],
  ...['maxItems', 'minItems', 'maxContains', 'minContains', 'maxProperties', 'minProperties']
])

const charactersMax = 64 * 1024
const schemasMax = 250
const depthMax = 32
const valuesMax = 200

/**
 * A copy of an untrusted schema that can be compiled and applied: of bounded size and depth, with only the keywords
 * that can refuse a value in reasonable time, and with references to its own schemas alone. Undefined where there is
 * no such copy.
 */
export const tame = (schema: unknown): Json | undefined => {
  if (!isObject(schema) || JSON.stringify(schema).length > charactersMax) return undefined
  const places = new Set<string>()
  const references: string[] = []

  const copySchema = (given: unknown, place: string, depth: number): unknown => {
    if (places.size >= schemasMax || depth > depthMax) throw new Untameable()
    places.add(place)
    // True and false are schemas; anything else is for the compiler to refuse.
    if (!isObject(given)) return given
    if (given.$dynamicRef !== undefined || given.$recursiveRef !== undefined) throw new Untameable()
    if (typeof given.$ref === 'string') references.push(given.$ref)
    const members = Object.entries(given).flatMap(([name, value]): [string, unknown][] => {
      const copied = copyMember(name, value, `${place}/${name}`, depth + 1)
      return copied === undefined ? [] : [[name, copied]]
    })
    return { [stepKeyword]: true, ...Object.fromEntries(members) }
  }
  const copyMember = (name: string, value: unknown, place: string, depth: number): unknown => {
    if (plain.has(name)) return isCheap(value) ? value : undefined
    if (one.has(name)) return copySchema(value, place, depth)
    if (several.has(name) && Array.isArray(value))
      return value.map((item, index) => copySchema(item, `${place}/${index}`, depth))
    if (!named.has(name) || !isObject(value)) return undefined
    const members = Object.entries(value).map(([key, item]) => [
      key,
      copySchema(item, `${place}/${pointerOf(key)}`, depth)
    ])
    return Object.fromEntries(members)
  }

  try {
    const copy = copySchema(schema, '#', 0)
    return isObject(copy) && references.every((reference) => places.has(decode(reference))) ? copy : undefined
  } catch (thrown) {
    if (thrown instanceof Untameable || thrown instanceof URIError) return undefined
    throw thrown
  }
}

// A value to be equal to, or a list of them or of names: each item of an array may be compared with all of it.
const isCheap = (value: unknown): boolean => {
  if (!isObject(value) && !Array.isArray(value)) return true
  const members = Object.values(value)
  return members.length <= valuesMax && members.every((one) => typeof one !== 'object' || one === null || isNames(one))
}
const isNames = (value: object): boolean =>
  Array.isArray(value) && value.length <= 20 && value.every((one) => typeof one === 'string')

class Untameable extends Error {}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

// RFC 6901 §3 and §6
const pointerOf = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')
const decode = (reference: string): string => (reference === '#/' ? '#' : decodeURIComponent(reference))
