import type { ErrorDetail } from '@onbehalf/errors'
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import { stepKeyword, type Tamed, tame } from './tame.ts'

/** What is wrong with the arguments; undefined where nothing is, or where it cannot be told in reasonable time. */
export type Check = (given: unknown) => ErrorDetail | undefined

/** One takes up to 2.5 µs, where texts are held against patterns. */
const stepsMax = 10_000

/**
 * Makes the check of a tool's arguments (JSON Schema 2020-12) from a schema that nobody vouches for. A schema that is
 * too large, that refers to others or that does not compile checks nothing: only the server knows what it means. `cost` is
 * what it takes, as `tame` counts.
 */
export const compileCheck = (untrusted: unknown): { check: Check; cost: number } => {
  const { schema, patterns, cost } = tame(untrusted)
  let stepsLeft = 0
  const spend = (steps: number) => {
    stepsLeft -= steps
    if (stepsLeft < 0) throw new TooManySteps()
  }
  const validate = schema && compile(schema, patterns, spend)
  if (!validate) return { check: accept, cost }
  const check: Check = (given) => {
    stepsLeft = stepsMax
    try {
      return validate(given) ? undefined : detailOf(validate.errors?.at(-1))
    } catch {
      // Too many steps, a schema that refers to itself without end, or one that Ajv takes and then cannot apply.
      return undefined
    }
  }
  return { check, cost }
}

class TooManySteps extends Error {}

const accept: Check = () => undefined

const compile = (schema: Record<string, unknown>, patterns: Tamed['patterns'], spend: (steps: number) => void) => {
  // One each, so that no schema's names reach another's, and that it can be forgotten.
  const ajv = new Ajv2020({
    // A member that every object inherits, such as `constructor`, is not there for that.
    ownProperties: true,
    ...{ strict: false, meta: false, validateSchema: false, validateFormats: false, logger: false },
    // Decimal fractions are none in binary, and a schema in a schema shall not be written out each time.
    ...{ multipleOfPrecision: 6, inlineRefs: false, addUsedSchema: false },
    // Most of the time it takes would go into code that is run a little faster.
    code: { optimize: false, regExp: Object.assign(counting(patterns, spend), { code: '' }) }
  })
  ajv.addKeyword({
    ...{ keyword: stepKeyword, schemaType: 'boolean', errors: false, before: '$ref' },
    validate: (_: unknown, data: unknown) => {
      spend(1 + sizeOf(data))
      return true
    }
  })
  try {
    return ajv.compile(schema)
  } catch {
    return undefined
  }
}

/** What Ajv is given for the text of a pattern; that text tells one from another. */
const counting = (patterns: Tamed['patterns'], spend: (steps: number) => void) => (text: string) => {
  const pattern = patterns.get(text)
  if (!pattern) throw new Error('a schema that was tamed has no pattern that is not known')
  const stepsPerCharacter = 0.2 + pattern.size / 200
  return {
    test: (value: string) => {
      spend(1 + value.length * stepsPerCharacter)
      return pattern.matches(value)
    },
    toString: () => text
  }
}

/** What a value costs besides: some keywords look at all of its characters or names. */
const sizeOf = (data: unknown): number => {
  if (typeof data === 'string') return data.length / 1_000
  if (typeof data !== 'object' || data === null) return 0
  if (Array.isArray(data)) return data.length / 100
  let names = 0
  for (const _ in data) names += 1
  return names / 10
}

const valuesMax = 10

const detailOf = (error: ErrorObject | undefined): ErrorDetail => {
  if (!error) return { path: 'arguments', message: 'is not what the tool takes' }
  const { instancePath, keyword, params, message = 'is not what the tool takes' } = error
  const name = missing[keyword] === undefined ? undefined : params[missing[keyword]]
  const path = ['arguments', ...instancePath.split('/').slice(1).map(nameOf), name]
    .filter((part) => typeof part === 'string')
    .join('.')
  return { path: path.slice(0, textMax), message: (wordsFor[keyword]?.(params) ?? message).slice(0, textMax) }
}

const textMax = 500

// Ajv names the object; the fault is at its member.
const missing: Readonly<Record<string, string>> = {
  required: 'missingProperty',
  dependentRequired: 'missingProperty',
  additionalProperties: 'additionalProperty',
  unevaluatedProperties: 'unevaluatedProperty'
}

const wordsFor: Readonly<Record<string, (params: ErrorObject['params']) => string | undefined>> = {
  required: () => 'is missing',
  dependentRequired: () => 'is missing',
  additionalProperties: () => 'is not known to the tool',
  unevaluatedProperties: () => 'is not known to the tool',
  const: ({ allowedValue }) => `must be ${JSON.stringify(allowedValue)}`,
  enum: ({ allowedValues }) =>
    Array.isArray(allowedValues) && allowedValues.length <= valuesMax
      ? `must be one of ${allowedValues.map((value) => JSON.stringify(value)).join(', ')}`
      : undefined
}

// RFC 6901 §3
const nameOf = (name: string): string => name.replaceAll('~1', '/').replaceAll('~0', '~')
