import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { compileCheck } from '../../src/arguments/compile.ts'
import { createChance } from './chance.ts'

const { chance, oneOf, some } = createChance(11)

/** What a server may make of a schema: with formats, and patterns of all kinds. */
const strict = (schema: object): ((given: unknown) => boolean) | undefined => {
  const options = { strict: false, logger: false, inlineRefs: false, ownProperties: true } as const
  const ajv = new Ajv2020({ ...options, formats: { short: /^.{0,1}$/ } })
  try {
    const takes = ajv.compile(schema)
    return (given) => {
      try {
        return takes(given)
      } catch {
        // A schema that refers to itself without end, or that Ajv takes and then cannot apply.
        return false
      }
    }
  } catch {
    return undefined
  }
}

const name = () => oneOf(['a', 'b', 'c'])
const plainValue = () => oneOf<unknown>([null, true, 1, 2, '', 'a', 'b', 'aa', 'bb'])
const value = (depth = 0): unknown => {
  if (depth > 1 || chance() < 0.4) return plainValue()
  if (chance() < 0.5) return some(() => value(depth + 1), 3)
  return Object.fromEntries(some(() => [name(), value(depth + 1)], 3))
}

/** What is looser here than it may be at a server. */
const loose = () =>
  oneOf<object>([
    { format: 'short' },
    { pattern: '^(?=a)' },
    { uniqueItems: true },
    { type: 'string', format: 'short' },
    { $ref: '#/$defs/loose' }
  ])
const exact = () =>
  oneOf<object | boolean>([
    true,
    false,
    { type: 'string' },
    { type: ['array', 'object'] },
    { minLength: 2 },
    { const: 'a' },
    { required: ['a'] },
    { minItems: 2 },
    { pattern: '^b' },
    { $ref: '#/$defs/exact' }
  ])
type Make = (depth: number) => unknown
const schema: Make = (depth) => {
  const at = chance()
  if (depth > 2 || at < 0.35) return at < 0.15 ? exact() : loose()
  return Object.assign({}, ...[oneOf(kinds)(depth + 1), ...some(() => oneOf(kinds)(depth + 1), 1)])
}
const members = (depth: number) =>
  Object.fromEntries([[name(), schema(depth)], ...some(() => [name(), schema(depth)], 1)])
const kinds: ((depth: number) => object)[] = [
  (depth) => ({ not: schema(depth) }),
  (depth) => Object.fromEntries(['if', 'then', 'else'].map((keyword) => [keyword, schema(depth)])),
  () =>
    Object.fromEntries([
      ['if', loose()],
      ['then', exact()]
    ]),
  (depth) => ({ oneOf: [schema(depth), schema(depth)] }),
  (depth) => ({ oneOf: [schema(depth), schema(depth)], anyOf: [schema(depth), schema(depth)] }),
  (depth) => ({ allOf: [schema(depth), schema(depth)] }),
  (depth) => ({ anyOf: [schema(depth), schema(depth)] }),
  (depth) => ({ contains: schema(depth), maxContains: 1, minContains: oneOf([0, 1]) }),
  (depth) => ({ properties: members(depth) }),
  (depth) => ({ patternProperties: { [oneOf(['^a', '^(?=b)'])]: schema(depth) } }),
  (depth) => ({ patternProperties: { [oneOf(['^a', '^(?=b)'])]: true }, additionalProperties: schema(depth) }),
  (depth) => ({ properties: members(depth), additionalProperties: schema(depth) }),
  (depth) => ({ items: schema(depth), prefixItems: [schema(depth)] }),
  (depth) => ({ propertyNames: schema(depth) }),
  (depth) => ({ dependentSchemas: { a: schema(depth) } }),
  (depth) => ({ oneOf: [{ properties: members(depth) }, schema(depth)], unevaluatedProperties: false }),
  (depth) => ({ oneOf: [{ properties: members(depth) }, loose()], anyOf: [true], unevaluatedProperties: false }),
  (depth) => ({ patternProperties: { '^(?=b)': schema(depth) }, unevaluatedProperties: false }),
  (depth) => ({ contains: schema(depth), unevaluatedItems: false })
]

t.test('no arguments are refused that the server takes, whatever its schema says', async (t) => {
  const [wrong, both]: [unknown[], { taken: number; refused: number }] = [[], { taken: 0, refused: 0 }]
  for (let round = 0; round < 1_200; round += 1) {
    const root = { ...Object(schema(0)), $defs: { loose: loose(), exact: exact() } }
    const atServer = strict(root)
    if (!atServer) continue
    const { check } = compileCheck(root)
    for (const given of Array.from({ length: 10 }, () => value())) {
      const [isTaken, fault] = [atServer(given), check(given)]
      if (isTaken && fault) wrong.push({ root, given, fault })
      if (isTaken) both.taken += 1
      else if (fault) both.refused += 1
    }
  }
  t.same(wrong.slice(0, 3), [])
  t.ok(both.taken > 3_000 && both.refused > 1_000, `${both.taken} taken and ${both.refused} refused by both`)
})
