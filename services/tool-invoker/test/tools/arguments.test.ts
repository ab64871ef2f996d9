import t from 'tap'
import { createArgumentChecks } from '../../src/arguments/check.ts'
import { compileCheck } from '../../src/arguments/compile.ts'
import { startStage } from '../stage.ts'

const { call, settle, broker, providers, issuer, recording } = await startStage(t)
const user = await broker.signIn()

let schemas = 0
/** A server whose tool `x` takes what the schema says. */
const register = (input_schema: unknown) => {
  schemas += 1
  const tools = [{ name: 'x', input_schema, hash: `schema-${schemas}` }]
  return providers.register({ tenant_id: user.tenant_id, server_url: recording.url, mode: 'idp_token', tools })
}
const callWith = async (input_schema: unknown, given: unknown, more: object = {}) => {
  const { server_identifier } = register(input_schema)
  return call(user.headers, { server_identifier, tool: 'x', arguments: given, ...more })
}

t.test('arguments that the tool does not take are refused with their place, before a token is minted', async (t) => {
  const before = { asked: issuer.asked().length, requests: recording.requests().length }
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: {
      id: { type: 'integer', minimum: 1 },
      kind: { enum: ['a', 'b'] },
      list: { type: 'array', prefixItems: [{ type: 'string' }], items: { $ref: '#/$defs/entry' } },
      code: { type: 'string', pattern: '^[A-Z]{2}$' }
    },
    required: ['id'],
    additionalProperties: false,
    $defs: { entry: { type: 'object', required: ['name/1'] } }
  }
  const faults: [Record<string, unknown>, string, RegExp][] = [
    [{}, 'arguments.id', /is missing/],
    [{ id: '1' }, 'arguments.id', /must be integer/],
    [{ id: 0 }, 'arguments.id', /must be >= 1/],
    [{ id: 1, kind: 'c' }, 'arguments.kind', /must be one of "a", "b"/],
    [{ id: 1, list: ['first', {}] }, 'arguments.list.1.name/1', /is missing/],
    [{ id: 1, code: 'AAA' }, 'arguments.code', /pattern/],
    [{ id: 1, other: true }, 'arguments.other', /is not known/]
  ]
  for (const [given, path, message] of faults) {
    const answer = await callWith(schema, given)
    t.match(answer, { status: 422, body: { code: 'invalid_arguments', details: [{ path, message }] } }, path)
  }
  t.same({ asked: issuer.asked().length, requests: recording.requests().length }, before)
  t.equal((await callWith(schema, { id: 1, list: ['first', { 'name/1': 2 }], code: 'AB' })).status, 200)
})

t.test('what a schema says is read once, for as long as the tool is the same', async (t) => {
  const { server_identifier, provider_id } = register({ type: 'object', required: ['a'] })
  const one = () => call(user.headers, { server_identifier, tool: 'x', arguments: { b: 1 } })
  t.equal((await one()).status, 422)
  schemas += 1
  const tools = [{ name: 'x', input_schema: { type: 'object', required: ['b'] }, hash: `schema-${schemas}` }]
  providers.listAs(provider_id, tools)
  await settle()
  t.equal((await one()).status, 200)

  let reads = 0
  const input_schema = {
    get required() {
      reads += 1
      return ['a']
    }
  }
  const checkArguments = createArgumentChecks()
  const check = async (hash: string) => checkArguments({ tenant_id: 'one', tool: { hash, input_schema } }, {})
  const fault = { code: 'invalid_arguments' }
  await t.rejects(check('one'), fault)
  const once = reads
  t.ok(once > 0)
  await t.rejects(check('one'), fault)
  t.equal(reads, once)
  await t.rejects(check('two'), fault)
  t.equal(reads, 2 * once)
})

t.test('an odd schema refuses nothing that the server might take', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`p${index}`, { type: 'string' }]))
  let deep: object = { type: 'string' }
  for (let level = 0; level < 500; level += 1) deep = { properties: { a: deep } }
  const odd: Record<string, unknown> = {
    'a reference to elsewhere': { $ref: 'http://127.0.0.1:1/schema.json' },
    'a reference to a file': { properties: { a: { $ref: 'file:///etc/passwd' } } },
    'a reference to nothing': { properties: { a: { $ref: '#/$defs/none' } } },
    'a reference to a value': { properties: { a: { $ref: '#/properties/b/const' }, b: { const: { type: 'string' } } } },
    'a reference to itself': { $ref: '#' },
    'a dynamic reference': { $dynamicRef: '#node' },
    'another dialect': {
      $schema: 'http://json-schema.org/draft-04/schema#',
      properties: { a: { minimum: 5, exclusiveMinimum: true } }
    },
    'a list of items of an older draft': { properties: { a: { items: [{ type: 'string' }] } } },
    'a type that is none': { properties: { a: { type: 'text' } } },
    'a format': { properties: { a: { format: 'email' } } },
    'decimal fractions': { properties: { price: { multipleOf: 0.01 } } },
    'a pattern that looks ahead': { properties: { b: { pattern: '^(?=.*x)' } } },
    'a pattern that looks back': { properties: { b: { pattern: '^(.)\\1$' } } },
    'a pattern that is none': { properties: { b: { pattern: '(' } } },
    'a pattern that looks ahead, for names': { patternProperties: { '^(?!x-)': { type: 'object' } } },
    'what may not look ahead': { properties: { b: { not: { pattern: '^(?=x)' } } } },
    'one of those that have a format': { properties: { b: { oneOf: [{ format: 'date' }, { type: 'string' }] } } },
    'if it looks ahead': {
      properties: {
        b: Object.fromEntries([
          ['if', { pattern: '^(?=x)' }],
          ['then', { type: 'null' }]
        ])
      }
    },
    'what may not be of a definition': {
      properties: { b: { not: { $ref: '#/$defs/d' } } },
      $defs: { d: { format: 'date' } }
    },
    'a pattern for letters of both cases': { properties: { b: { pattern: '(?i)^AC$' } } },
    'too many properties': { properties: many, required: ['p1'] },
    'too deep': deep,
    'no object': 'string',
    true: true,
    'its own keywords': { 'x-step': 'no', $id: 'https://a.example/', $comment: 1, required: [] }
  }
  for (const [name, schema] of Object.entries(odd)) {
    const answer = await callWith(schema, { a: 5, b: 'ab', price: 0.07 })
    t.equal(answer.status, 200, name)
  }
})

t.test('a pattern means what it means in JavaScript, or nothing', async (t) => {
  const [space, wide] = ['\u00a0', '\u3000']
  const fine: [string, string][] = [
    ['^a\\sb$', `a${space}b`],
    ['^[x\\s]+$', `x${wide}`],
    ['^[^\\S\\n]$', '\ufeff'],
    ['^\\S+$', 'é😀'],
    ['^\\\\s$', '\\s'],
    ['^\\[\\s$', `[${space}`],
    ['^[[:alpha:]]$', ':]'],
    ['\\Ax', 'Ax'],
    ['^[\\s-x]$', 'y']
  ]
  for (const [pattern, a] of fine)
    t.equal((await callWith({ properties: { a: { pattern } } }, { a })).status, 200, pattern)
  const wrong: [string, string][] = [
    ['^\\S$', space],
    ['^[^\\s]$', wide],
    ['^[\\S]$', '\u2028'],
    ['^[\\s]$', 's'],
    ['^a\\sb$', 'ab']
  ]
  for (const [pattern, a] of wrong)
    t.equal((await callWith({ properties: { a: { pattern } } }, { a })).status, 422, pattern)
})

t.test('no schema holds up the others, whatever it asks for', async (t) => {
  const twice = (name: string) => ({ allOf: [{ $ref: `#/$defs/${name}` }, { $ref: `#/$defs/${name}` }] })
  const levels = Array.from({ length: 60 }, (_, level): [string, object] => [`l${level}`, twice(`l${level + 1}`)])
  const tree = { anyOf: [twice('node'), { properties: { a: twice('node') } }] }
  const greedy: [string, unknown, unknown][] = [
    ['nested repetition', { properties: { a: { pattern: '^(a+)+$' } } }, `${'a'.repeat(50_000)}!`],
    ['alternatives that overlap', { properties: { a: { pattern: '^(a|a)*$' } } }, `${'a'.repeat(50_000)}!`],
    ['a row of repetitions', { properties: { a: { pattern: 'a*a*a*a*a*b' } } }, 'a'.repeat(50_000)],
    [
      'a pattern for names',
      { properties: { a: { patternProperties: { '(x+x+)+y': {} } } } },
      { ['x'.repeat(5_000)]: 1 }
    ],
    ['schemas that double', { $defs: { ...Object.fromEntries(levels), l60: true }, ...twice('l0') }, 1],
    ['a tree that doubles', { $defs: { node: tree }, ...twice('node') }, { a: { a: { a: { a: { a: 1 } } } } }],
    [
      'many items that differ',
      { properties: { a: { uniqueItems: true } } },
      Array.from({ length: 20_000 }, (_, a) => ({ a }))
    ]
  ]
  for (const [name, schema, a] of greedy) {
    const before = process.cpuUsage()
    const { status } = await callWith(schema, { a })
    t.ok(status === 200 || status === 422, name)
    // Unbounded, each of these takes minutes at least. What others do to a busy machine is not counted.
    t.ok(process.cpuUsage(before).user < 20_000_000, name)
  }
})

t.test('a schema that would take long to compile refuses nothing', async (t) => {
  const names = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`)
  const required = (schemas: number) => ({ allOf: Array.from({ length: schemas }, () => ({ required: names(20) })) })
  t.match(compileCheck(required(60)).check({}), { message: 'is missing' })
  const long: Record<string, object> = {
    'names that are required': required(80),
    'all names, at each of many places': {
      required: ['a'],
      properties: Object.fromEntries(names(100).map((name) => [name, true])),
      allOf: names(50).map(() => ({ unevaluatedProperties: true }))
    },
    'a list where a schema is meant': { required: ['a'], properties: { b: { items: names(3_000) } } },
    'a number beside it that is none': {
      required: ['a'],
      allOf: [
        { pattern: `({${'9'.repeat(400)}})` },
        { pattern: '((a{1000}){1000}){0}' },
        { pattern: 'b{1000}'.repeat(20) }
      ]
    },
    'a pattern': { required: ['a'], properties: { b: { pattern: '(b{1,100}){1,100}' } } },
    'letters of many kinds': { required: ['a'], properties: { b: { pattern: `[${'\\P{L}'.repeat(190)}]` } } },
    'many patterns': { required: ['a'], allOf: names(100).map((name) => ({ pattern: `${name}{100}` })) }
  }
  for (const [name, schema] of Object.entries(long)) {
    const { check, cost } = compileCheck(schema)
    t.equal(check({}), undefined, name)
    t.ok(cost >= 1_500, `${name}: what it takes to find out counts`)
  }
  const wide = { required: ['a'], description: 'x'.repeat(200_000) }
  const { check, cost } = compileCheck(wide)
  t.equal(check({}), undefined)
  t.ok(cost > 50, 'how long it is has to be seen')
})

t.test('what compiling takes is bounded for each tenant, and those that are kept for all', async (t) => {
  let [now, tools] = [0, 0]
  const checkArguments = createArgumentChecks(() => now)
  const required = Array.from({ length: 100 }, (_, name) => `n${name}`)
  const large = { allOf: Array.from({ length: 13 }, () => ({ required })) }
  const isChecked = async (tenant_id: string, hash: string, input_schema: object = large) => {
    try {
      await checkArguments({ tenant_id, tool: { hash, input_schema } }, {})
      return false
    } catch {
      return true
    }
  }
  const another = () => {
    tools += 1
    return `tool ${tools}`
  }
  let checked = 0
  while (checked < 100 && (await isChecked('busy', another()))) checked += 1
  t.ok(checked > 10 && checked < 50, `${checked} at once`)
  t.ok(await isChecked('busy', 'tool 1'), 'what is compiled goes on')
  t.ok(await isChecked('other', another()), 'another tenant has its own')
  t.notOk(await isChecked('busy', another()))
  now += 10_000
  t.ok(await isChecked('busy', another()), 'some time later')

  let reads = 0
  const counted = {
    get required() {
      reads += 1
      return ['a']
    }
  }
  await isChecked('first', 'counted', counted)
  const once = reads
  await isChecked('first', 'counted', counted)
  t.equal(reads, once)
  for (let other = 0; other < 40; other += 1) await isChecked(`tenant ${other}`, another())
  await isChecked('first', 'counted', counted)
  t.ok(reads > once, 'forty large ones are more than is kept')
})

t.test('null and blank arguments are left out for who asks for it', async (t) => {
  const given = { a: null, b: '', c: ' \n', d: 0, e: false, f: [], g: { h: null }, i: 'x' }
  const schema = { type: 'object', properties: { a: { type: 'string' } } }
  t.equal((await callWith(schema, given)).status, 422)
  t.equal((await callWith(schema, given, { drop_empty_arguments: true })).status, 200)
  t.same(recording.calls().at(-1)?.arguments, { d: 0, e: false, f: [], g: { h: null }, i: 'x' })
})
