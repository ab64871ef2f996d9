type Json = Record<string, unknown>

/**
 * Each keyword, and each schema that is applied to a value, and each member that is looked for is one step; so are ten names or
 * choices and a thousand characters that are only gone over, which a schema may want again and again.
 */
const stepsMax = 1_000

/**
 * Whether a value surely fits an untrusted schema (JSON Schema 2020-12), told at once and from the schema as it is. False is no
 * refusal: where a keyword is not one of the few that are known here, or it would take long, the compiled check says.
 */
export const surelyFits = (schema: unknown, value: unknown): boolean => new Fitting(schema).fits(schema, value)

class Fitting {
  private readonly root: unknown
  private stepsLeft = stepsMax

  constructor(root: unknown) {
    this.root = root
  }

  fits(schema: unknown, value: unknown): boolean {
    if (!this.spends(1)) return false
    if (schema === true) return true
    if (!isObject(schema)) return false
    return this.namesOf(schema).every((keyword) => this.takes(keyword, schema, value))
  }

  private takes(keyword: string, schema: Json, value: unknown): boolean {
    if (!this.spends(1)) return false
    const said = schema[keyword]
    switch (keyword) {
      case 'type':
        if (!Array.isArray(said)) return isOfType(said, value)
        return this.spends(said.length / 10) && said.some((one) => isOfType(one, value))
      case 'const':
        return isPlain(said) && this.spends(lengthOf(value) / 1_000) && said === value
      case 'enum':
        if (!isPlain(value) || !Array.isArray(said)) return false
        return this.spends(said.length / 10 + lengthOf(value) / 1_000) && said.includes(value)
      case 'minimum':
        return isNumber(said) && (typeof value !== 'number' || value >= said)
      case 'maximum':
        return isNumber(said) && (typeof value !== 'number' || value <= said)
      case 'exclusiveMinimum':
        return isNumber(said) && (typeof value !== 'number' || value > said)
      case 'exclusiveMaximum':
        return isNumber(said) && (typeof value !== 'number' || value < said)
      // Of characters that take two places at least half are there.
      case 'minLength':
        return isNumber(said) && (typeof value !== 'string' || value.length >= (said > 1 ? 2 * said : said))
      case 'maxLength':
        return isNumber(said) && (typeof value !== 'string' || value.length <= said)
      case 'minItems':
        return isNumber(said) && (!Array.isArray(value) || value.length >= said)
      case 'maxItems':
        return isNumber(said) && (!Array.isArray(value) || value.length <= said)
      case 'required':
        return Array.isArray(said) && (!isObject(value) || said.every((name) => this.has(value, name)))
      case 'properties':
        return isObject(said) && (!isObject(value) || this.membersFit(said, value))
      case 'additionalProperties':
        return !isObject(value) || this.othersFit(schema, value)
      case 'items':
        return !Array.isArray(value) || value.every((item) => this.fits(said, item))
      case 'anyOf':
        return Array.isArray(said) && said.some((one) => this.fits(one, value))
      case 'allOf':
        return Array.isArray(said) && said.every((one) => this.fits(one, value))
      case '$ref':
        return this.fits(this.referredBy(said), value)
      default:
        return !doubtful.has(keyword)
    }
  }

  private spends(steps: number): boolean {
    this.stepsLeft -= steps
    return this.stepsLeft >= 0
  }

  /** Of an object that is large it takes long to list them, whatever comes of it. */
  private namesOf(one: Json): string[] {
    const names = Object.keys(one)
    this.stepsLeft -= names.length / 10
    return names
  }

  private has(value: Json, name: unknown): boolean {
    return this.spends(1) && typeof name === 'string' && Object.hasOwn(value, name)
  }

  private membersFit(schemas: Json, value: Json): boolean {
    const fits = (name: string) => !Object.hasOwn(value, name) || this.fits(schemas[name], value[name])
    return this.namesOf(schemas).every((name) => this.spends(1) && fits(name))
  }

  private othersFit({ properties = {}, additionalProperties: others }: Json, value: Json): boolean {
    if (!isObject(properties)) return false
    const fits = (name: string) => Object.hasOwn(properties, name) || this.fits(others, value[name])
    return this.namesOf(value).every((name) => this.spends(1) && fits(name))
  }

  /** One of the root's own definitions; false, which nothing fits, where it is something else. */
  private referredBy(reference: unknown): unknown {
    if (typeof reference !== 'string' || reference.length > referenceMax) return false
    const [, place = '', name = ''] = ownDefinition.exec(reference) ?? []
    const definitions = isObject(this.root) ? this.root[place] : undefined
    return isObject(definitions) && Object.hasOwn(definitions, name) ? definitions[name] : false
  }
}

const referenceMax = 200
const ownDefinition = /^#\/(\$defs|definitions)\/([\w.-]+)$/

// All else that `tame` leaves in a schema but definitions, and what makes that refuse it.
const doubtful = new Set([
  ...['nullable', 'dependentRequired', 'dependentSchemas', 'pattern', 'patternProperties', 'propertyNames'],
  ...['multipleOf', 'minProperties', 'maxProperties'],
  ...['prefixItems', 'contains', 'maxContains', 'minContains', 'unevaluatedItems', 'unevaluatedProperties'],
  ...['oneOf', 'not', 'if', 'then', 'else', '$dynamicRef', '$recursiveRef']
])

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const isNumber = (value: unknown): value is number => Number.isFinite(value)
const lengthOf = (value: unknown): number => (typeof value === 'string' ? value.length : 0)
const isPlain = (value: unknown): boolean => typeof value !== 'object' || value === null

const isOfType = (type: unknown, value: unknown): boolean => {
  switch (type) {
    case 'object':
      return isObject(value)
    case 'array':
      return Array.isArray(value)
    case 'number':
      return isNumber(value)
    case 'integer':
      return Number.isInteger(value)
    case 'null':
      return value === null
    case 'string':
    case 'boolean':
      return typeof value === type
    default:
      return false
  }
}
