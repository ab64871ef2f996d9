import t from 'tap'
import { type CheckedTool, createArgumentChecks } from '../../src/arguments/check.ts'
import { compileCheck } from '../../src/arguments/compile.ts'
import { surelyFits } from '../../src/arguments/fits.ts'
import { createChance } from './chance.ts'

const { chance, oneOf, some } = createChance(2_026)
const name = () => oneOf(['a', 'b', 'c'])
const plainValue = () => oneOf([null, true, false, 0, 1, 2, -1, 1.5, '', 'a', 'bb', '😀', '😀😀'])
const members = (make: () => unknown) => Object.fromEntries(some(() => [name(), make()], 3))
const value = (depth = 0): unknown => {
  if (depth > 2 || chance() < 0.4) return plainValue()
  return chance() < 0.5 ? some(() => value(depth + 1), 3) : members(() => value(depth + 1))
}

type Make = (depth: number) => unknown
const keywords: Record<string, Make> = {
  type: () => (chance() < 0.3 ? some(type, 3) : type()),
  enum: () => [...some(plainValue, 4), ...(chance() < 0.1 ? [{}] : [])],
  const: () => value(2),
  minimum: () => oneOf([-1, 0, 1, 1.5]),
  maximum: () => oneOf([-1, 0, 1, 1.5]),
  exclusiveMinimum: () => oneOf([-1, 0, 1, 1.5]),
  exclusiveMaximum: () => oneOf([-1, 0, 1, 1.5]),
  minLength: () => oneOf([0, 1, 2, 3]),
  maxLength: () => oneOf([0, 1, 2, 3]),
  minItems: () => oneOf([0, 1, 2]),
  maxItems: () => oneOf([0, 1, 2]),
  required: () => some(name, 2),
  properties: (depth) => members(() => schema(depth + 1)),
  additionalProperties: (depth) => (chance() < 0.5 ? false : schema(depth + 1)),
  items: (depth) => schema(depth + 1),
  anyOf: (depth) => [schema(depth + 1), ...some(() => schema(depth + 1), 2)],
  allOf: (depth) => some(() => schema(depth + 1), 2),
  $ref: () => oneOf(['#/$defs/a', '#/$defs/b', '#/$defs/gone', '#']),
  description: () => 'says nothing',
  // What is left to the compiled check.
  not: (depth) => schema(depth + 1),
  oneOf: (depth) => [schema(depth + 1), schema(depth + 1)],
  pattern: () => '^a',
  multipleOf: () => 2
}
const type = () => oneOf(['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'])
const often = ['type', 'properties', 'items', 'required', 'description', 'anyOf', '$ref']
const schema: Make = (depth) => {
  if (chance() < 0.05) return chance() < 0.7
  if (depth > 3) return { type: type() }
  const chosen = some(() => (chance() < 0.7 ? oneOf(often) : oneOf(Object.keys(keywords))), 3)
  return Object.fromEntries(chosen.map((keyword) => [keyword, keywords[keyword]?.(depth)]))
}

t.test('what surely fits a schema is what its compiled check takes', async (t) => {
  let fitting = 0
  const wrong: unknown[] = []
  for (let round = 0; round < 3_000; round += 1) {
    const root = { ...Object(schema(0)), $defs: { a: schema(2), b: schema(2) } }
    const { check } = compileCheck(root)
    for (const given of Array.from({ length: 10 }, () => value())) {
      if (!surelyFits(root, given)) continue
      fitting += 1
      if (check(given) !== undefined) wrong.push({ root, given })
    }
  }
  t.same(wrong, [])
  t.ok(fitting > 5_000, `${fitting} fit, so that the others say something`)
})

t.test('what most tools are called with surely fits', async (t) => {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    title: 'search',
    properties: {
      query: { type: 'string', description: 'What is looked for', minLength: 1, maxLength: 500 },
      limit: { anyOf: [{ type: 'integer', minimum: 1, maximum: 100 }, { type: 'null' }], default: null },
      order: { type: 'string', enum: ['newest', 'best'] },
      tags: { type: 'array', items: { type: 'string' }, maxItems: 10 },
      place: { $ref: '#/$defs/Place' },
      constructor: { type: 'string' }
    },
    required: ['query'],
    additionalProperties: false,
    $defs: { Place: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } }
  }
  const all = { query: 'a', limit: null, order: 'best', tags: ['b'], place: { city: 'c' }, constructor: 'd' }
  for (const given of [all, { query: 'a' }, { query: 'a', limit: 3 }]) t.ok(surelyFits(schema, given))
  const others = [{}, { query: 1 }, { query: 'a', limit: 0 }, { query: 'a', place: {} }, { query: 'a', more: 1 }]
  for (const given of others) t.notOk(surelyFits(schema, given), JSON.stringify(given))
  const { check } = compileCheck(schema)
  t.equal(check({ query: 'a' }), undefined, 'a member that every object inherits is not there for that')
  t.match(check({ query: 'a', constructor: 1 }), { path: 'arguments.constructor' })
})

t.test('a schema that leads in circles, or into the width, is left to the compiled check', async (t) => {
  t.notOk(surelyFits({ $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } }, {}))
  const node = { anyOf: [{ items: { $ref: '#/$defs/node' } }, { items: { $ref: '#/$defs/node' } }], type: 'array' }
  let deep: unknown = 'end'
  for (let depth = 0; depth < 50; depth += 1) deep = [deep]
  t.notOk(surelyFits({ $ref: '#/$defs/node', $defs: { node } }, deep))
  t.notOk(surelyFits({ items: true }, Array(2_000).fill(1)))
  t.ok(surelyFits({ items: true }, Array(900).fill(1)))
  t.notOk(surelyFits({ properties: Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`p${n}`, true])) }, {}))
})

t.test('what a schema makes go over much again and again is left to the compiled check', async (t) => {
  const wide = (length: number, value: unknown) =>
    Object.fromEntries(Array.from({ length }, (_, number) => [`name ${number}`, value]))
  let lists = 0
  let looks = 0
  const counted = <Of extends object>(one: Of): Of =>
    new Proxy(one, {
      ownKeys: (target) => {
        lists += 1
        return Reflect.ownKeys(target)
      },
      get: (target, name, self) => {
        looks += 1
        return Reflect.get(target, name, self)
      }
    })
  const often = (schema: unknown) => ({ anyOf: [...Array(100).fill(schema), true] })
  const refer = (a: object) => ({ ...often({ $ref: '#/$defs/a' }), $defs: { a } })
  t.notOk(surelyFits(often({ additionalProperties: false }), counted(wide(20_000, 1))))
  t.notOk(surelyFits(refer({ properties: counted(wide(20_000, false)) }), { 'name 0': 1 }))
  t.notOk(surelyFits(refer(counted({ type: 'string', ...wide(20_000, 1) })), {}))
  t.equal(lists, 3, 'each is listed once')
  looks = 0
  t.notOk(surelyFits({ items: { type: counted([...Array(5_000).fill('x'), 'number']) } }, Array(100).fill(1)))
  t.ok(looks < 20_000, `${looks} looks`)
  const long = 'a'.repeat(100_000)
  for (const a of [{ const: `${long}b` }, { enum: [`${long}b`] }]) {
    t.notOk(surelyFits(refer(a), `${long}c`))
    t.ok(surelyFits(a, `${long}b`))
  }
  const name = 'a'.repeat(300)
  t.notOk(surelyFits({ $ref: `#/$defs/${name}`, $defs: { [name]: true } }, {}))
  t.notOk(surelyFits({ $ref: ['#/$defs/a'], $defs: { a: true } }, {}))
})

t.test('a schema is compiled for who calls often, or gives what does not surely fit, and not before', async (t) => {
  const checkArguments = createArgumentChecks()
  const check = (tool: CheckedTool, given: Record<string, unknown>) => checkArguments({ tenant_id: 'one', tool }, given)
  let compiled = 0
  // Only what is to be compiled is measured first.
  const toolOf = (hash: string) => ({
    hash,
    input_schema: {
      type: 'object',
      required: ['a'],
      title: { toJSON: () => (compiled += 1) }
    }
  })
  for (let tool = 0; tool < 50; tool += 1) t.equal(check(toolOf(`tool ${tool}`), { a: 1 }), undefined)
  t.equal(compiled, 0)
  const often = toolOf('often')
  for (let call = 0; call < 200; call += 1) await check(often, { a: 1 })
  t.equal(compiled, 0)
  await check(often, { a: 1 })
  const once = compiled
  t.ok(once > 0)
  t.equal(check(often, { a: 1 }), undefined, 'at once from then on')
  t.equal(compiled, once)
  await t.rejects(async () => check(toolOf('odd'), { b: 1 }), { code: 'invalid_arguments' })
  t.equal(compiled, 2 * once)
})
