import { type Copied, loosen, type Members } from './loosen.ts'
import { compilePattern, type Pattern } from './patterns.ts'

type Json = Record<string, unknown>

/** The copy of a schema, its patterns, and what it costs to compile; `schema` is undefined where there is no copy. */
export type Tamed = { schema: Json | undefined; patterns: ReadonlyMap<string, Pattern | undefined>; cost: number }

/** The keyword that counts: each time a schema is applied to a value it is one step. */
export const stepKeyword = 'x-step'

const one = new Set([
  ...['additionalProperties', 'unevaluatedProperties', 'propertyNames', 'items', 'unevaluatedItems', 'contains'],
  ...['not', 'if', 'then', 'else']
])
const several = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])
const named = new Set(['properties', 'patternProperties', 'dependentSchemas', '$defs', 'definitions'])
const definitions = new Set(['$defs', 'definitions'])
const plain = new Set([
  ...['type', 'nullable', 'enum', 'const', 'required', 'dependentRequired', 'pattern'],
  ...['multipleOf', 'maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum', 'maxLength', 'minLength'],
  ...['maxItems', 'minItems', 'maxContains', 'minContains', 'maxProperties', 'minProperties']
])
const charactersMax = 64 * 1024
const schemasMax = 250
const depthMax = 32
const valuesMax = 200
/** Each schema, each keyword and each name in a list is one: 16 µs and 1.5 KB. So are ten instructions of a pattern. */
const costMax = 1_500
const sizePerCost = 10
// To see how long it is.
const charactersPerCost = 4_000

/**
 * A copy of an untrusted schema that can be compiled and applied: of bounded size, depth and cost, with only the keywords
 * that can refuse a value in reasonable time, and with references to its own schemas alone. It takes all that the schema
 * takes.
 */
export const tame = (schema: unknown): Tamed => {
  const patterns = new Map<string, Pattern | undefined>()
  const none = (cost: number) => ({ schema: undefined, patterns, cost })
  if (!isObject(schema)) return none(1)
  const { length } = JSON.stringify(schema)
  const reading = 1 + length / charactersPerCost
  if (length > charactersMax) return none(reading)
  try {
    // First as if all that is referred to were exact, and where something became looser again as if none of it were.
    const { copy, cost, mayReferToLooser } = new Taming(patterns, true).tame(schema)
    const tamed = mayReferToLooser ? new Taming(patterns, false).tame(schema).copy : copy
    return { schema: tamed, patterns, cost: cost + reading }
  } catch (thrown) {
    if (thrown instanceof Untameable || thrown instanceof URIError) return none(costMax)
    throw thrown
  }
}

class Taming {
  private readonly patterns: Map<string, Pattern | undefined>
  private readonly areReferencesExact: boolean
  private readonly places = new Set<string>()
  private readonly references: string[] = []
  private cost = 0
  private isLoosened = false
  private isBlind = false
  private countingOnAll = 0
  private members = 0

  constructor(patterns: Map<string, Pattern | undefined>, areReferencesExact: boolean) {
    this.patterns = patterns
    this.areReferencesExact = areReferencesExact
  }

  tame(schema: Json): { copy: Json; cost: number; mayReferToLooser: boolean } {
    const { copy } = this.schemaOf(schema, '#', 0)
    const areKnown = this.references.every((reference) => this.places.has(decode(reference)))
    if (!isObject(copy) || !areKnown || (this.isBlind && this.countingOnAll > 0)) throw new Untameable()
    // Each may be written out at each of them.
    this.spend((this.countingOnAll * this.members) / 2)
    return { copy, cost: this.cost, mayReferToLooser: this.isLoosened && this.references.length > 0 }
  }

  private schemaOf(given: unknown, place: string, depth: number): Copied {
    if (this.places.size >= schemasMax || depth > depthMax) throw new Untameable()
    this.places.add(place)
    this.spend(1)
    if (typeof given === 'boolean') return { copy: given, isExact: true }
    // Not even to be looked at by the compiler, which goes through all of it before it refuses it.
    if (!isObject(given)) throw new Untameable()
    if (given.$dynamicRef !== undefined || given.$recursiveRef !== undefined) throw new Untameable()
    const members: Members = new Map()
    for (const [name, value] of Object.entries(given)) {
      const member = this.memberOf(name, value, `${place}/${name}`, depth + 1)
      if (member) members.set(name, member)
    }
    const { isExact, isBlind } = loosen(given, members)
    this.isLoosened ||= !isExact
    this.isBlind ||= isBlind
    const copies = [...members].map(([name, { copy }]) => [name, copy])
    return { copy: { [stepKeyword]: true, ...Object.fromEntries(copies) }, isExact }
  }

  private memberOf(name: string, value: unknown, place: string, depth: number): Copied | undefined {
    if (name === '$ref') return this.referenceOf(value)
    if (name === 'pattern' && typeof value === 'string' && !this.patternOf(value)) return undefined
    if (plain.has(name)) return this.plainOf(value)
    if (name.startsWith('unevaluated')) this.countingOnAll += 1
    if (name === 'properties' && isObject(value)) this.members += Object.keys(value).length
    if (one.has(name)) return this.schemaOf(value, place, depth)
    if (several.has(name) && Array.isArray(value))
      return together(value.map((item, index) => this.schemaOf(item, `${place}/${index}`, depth)))
    if (!named.has(name) || !isObject(value)) return undefined
    if (name === 'patternProperties' && !Object.keys(value).every((pattern) => this.patternOf(pattern)))
      return undefined
    const entries = Object.entries(value)
    const schemas = together(entries.map(([key, item]) => this.schemaOf(item, `${place}/${pointerOf(key)}`, depth)))
    const copy = Object.fromEntries(schemas.copy.map((schema, index) => [entries[index]?.[0], schema]))
    // Of definitions those count that are referred to.
    return { copy, isExact: schemas.isExact || definitions.has(name) }
  }

  private referenceOf(value: unknown): Copied {
    this.spend(1)
    if (typeof value === 'string') this.references.push(value)
    return { copy: value, isExact: this.areReferencesExact }
  }

  private plainOf(value: unknown): Copied | undefined {
    const names = namesIn(value)
    if (names === undefined) return undefined
    this.spend(1 + names)
    return { copy: value, isExact: true }
  }

  private patternOf(pattern: string): Pattern | undefined {
    if (!this.patterns.has(pattern))
      this.patterns.set(
        pattern,
        compilePattern(pattern, (size) => this.spend(size / sizePerCost))
      )
    return this.patterns.get(pattern)
  }

  private spend(cost: number): void {
    this.cost += cost
    // Nor what is no number.
    if (!(this.cost <= costMax)) throw new Untameable()
  }
}

/** How many names or values there are in a list of them or of their lists; undefined where they are too many. */
const namesIn = (value: unknown): number | undefined => {
  if (!isObject(value) && !Array.isArray(value)) return 0
  const members = Object.values(value)
  const areCheap = members.every((one) => typeof one !== 'object' || one === null || isNames(one))
  if (members.length > valuesMax || !areCheap) return undefined
  return members.reduce<number>((sum, one) => sum + 1 + (Array.isArray(one) ? one.length : 0), 0)
}
const isNames = (value: object): boolean =>
  Array.isArray(value) && value.length <= 20 && value.every((one) => typeof one === 'string')

const together = (copied: Copied[]): { copy: unknown[]; isExact: boolean } => ({
  copy: copied.map(({ copy }) => copy),
  isExact: copied.every(({ isExact }) => isExact)
})

class Untameable extends Error {}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

// RFC 6901 §3 and §6
const pointerOf = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')
const decode = (reference: string): string => (reference === '#/' ? '#' : decodeURIComponent(reference))
