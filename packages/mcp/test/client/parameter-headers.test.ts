import t from 'tap'
import { faultOfParameterHeaders } from '../../src/client/parameter-annotation.ts'
import { parameterHeaders } from '../../src/client/parameter-headers.ts'

const schema = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    priority: { type: 'integer', 'x-mcp-header': 'Priority' },
    isDry: { type: 'boolean', 'x-mcp-header': 'Dry' },
    query: { type: 'string' },
    where: { type: 'object', properties: { zone: { type: 'string', 'x-mcp-header': 'Zone' } } }
  }
}

t.test('what a schema annotates is repeated, wherever it is, and nothing else', async (t) => {
  const given = { region: 'eu', priority: 3, isDry: false, query: 'secret', where: { zone: 'b' } }
  t.same(parameterHeaders(schema, given), {
    ...{ 'mcp-param-region': 'eu', 'mcp-param-priority': '3', 'mcp-param-dry': 'false', 'mcp-param-zone': 'b' }
  })
})

t.test('what is null or left out is in no header', async (t) => {
  t.same(parameterHeaders(schema, { region: null, where: {} }), {})
  t.same(parameterHeaders(undefined, { region: 'eu' }), {})
})

t.test('what a header cannot carry goes as base64, line breaks above all', async (t) => {
  for (const region of ['Grüße', ' padded', 'a\r\nauthorization: x', '=?base64?x?='])
    t.equal(
      parameterHeaders(schema, { region })['mcp-param-region'],
      `=?base64?${Buffer.from(region).toString('base64')}?=`
    )
})

t.test('a server cannot have headers of its own choice, nor more than fit', async (t) => {
  const named = (name: unknown) => ({ properties: { region: { type: 'string', 'x-mcp-header': name } } })
  for (const name of ['a b', 'a:b', 'a\r\nb', '', 7, 'x'.repeat(129)])
    t.same(parameterHeaders(named(name), { region: 'eu' }), {}, String(name))
  t.same(Object.keys(parameterHeaders(named('Authorization'), { region: 'eu' })), ['mcp-param-authorization'])
  t.throws(() => parameterHeaders(schema, { region: 'x'.repeat(7_000) }), { code: 'invalid_arguments' })
  t.throws(() => parameterHeaders(schema, { region: {} }), { code: 'invalid_arguments' })
})

t.test('what makes a tool unfit to be offered is repeated by no call either', async (t) => {
  const annotated = (value: object) => ({ properties: { a: value } })
  const deep = (levels: number): object =>
    levels === 0 ? region : { type: 'object', properties: { a: deep(levels - 1) } }
  const given = (levels: number): unknown => (levels === 0 ? 'eu' : { a: given(levels - 1) })
  const region = { type: 'string', 'x-mcp-header': 'Region' }
  t.equal(faultOfParameterHeaders(deep(20)), undefined)
  t.same(parameterHeaders(deep(20), given(20)), { 'mcp-param-region': 'eu' })
  t.match(faultOfParameterHeaders(deep(21)), /one too many/)
  t.same(parameterHeaders(deep(21), given(21)), {})
  for (const odd of [{ type: 'number' }, { type: ['string', 'null'] }, {}, { type: 'object' }]) {
    const schema = annotated({ ...odd, 'x-mcp-header': 'Region' })
    t.match(faultOfParameterHeaders(schema), /fits in no header/, JSON.stringify(odd))
    t.same(parameterHeaders(schema, { a: 1 }), {})
  }
  const wide = (count: number) => ({
    properties: Object.fromEntries(
      Array.from({ length: count }, (_, n) => [`p${n}`, { type: 'string', 'x-mcp-header': `P${n}` }])
    )
  })
  t.equal(faultOfParameterHeaders(wide(50)), undefined)
  t.match(faultOfParameterHeaders(wide(51)), /one too many/)
})

t.test('a schema is searched once, however deep its schemas are in each other', async (t) => {
  const within = (keyword: string, levels: number, one: object): object =>
    levels === 0 ? one : { [keyword]: within(keyword, levels - 1, one) }
  const region = { type: 'string', 'x-mcp-header': 'Region' }
  // Twice on each level would not end in a lifetime.
  for (const keyword of ['items', 'not', 'additionalProperties']) {
    t.equal(faultOfParameterHeaders(within(keyword, 90, { type: 'string' })), undefined, keyword)
    t.match(faultOfParameterHeaders(within(keyword, 90, region)), /not at a property that every call has/, keyword)
  }
  for (const keyword of ['allOf', 'prefixItems', 'items'])
    t.match(faultOfParameterHeaders({ [keyword]: [{}, region] }), /not at a property/, keyword)
  for (const keyword of ['$defs', 'patternProperties'])
    t.match(faultOfParameterHeaders({ [keyword]: { a: region } }), /not at a property/, keyword)
})
