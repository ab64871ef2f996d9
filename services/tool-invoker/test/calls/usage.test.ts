import t from 'tap'
import { usageOf } from '../../src/calls/usage.ts'
import { cpuMsOf } from '../cpu.ts'

t.test('usage is found among any number of other names, or not, for less than it takes to read them', async (t) => {
  const names = Array.from({ length: 500_000 }, (_, index) => `"n${index}":0`).join()
  const text = `{"usage":{${names},"prompt_tokens":2,"completion_tokens":3,"currency":"EUR","total_price":{}}}`
  const _meta: unknown = JSON.parse(text)
  t.strictSame(usageOf({ _meta }), { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5, currency: 'EUR' })
  t.ok(cpuMsOf(() => usageOf({ _meta })) < cpuMsOf(() => JSON.parse(text)) / 4)
  const without: unknown = JSON.parse(`{${names}}`)
  t.strictSame(usageOf({ _meta: without }), undefined)
  t.ok(cpuMsOf(() => usageOf({ _meta: without })) < cpuMsOf(() => JSON.parse(text)))
})

t.test('usage is looked for in a thousand places, each one before what is within it', async (t) => {
  const usage = { prompt_tokens: 1, total_tokens: 1 }
  const others = (count: number) => Array.from({ length: count }, () => ({}))
  t.strictSame(usageOf({ _meta: [...others(998), { usage }] }), usage)
  t.strictSame(usageOf({ _meta: [...others(999), { usage }] }), undefined)
  t.strictSame(usageOf({ _meta: { a: [{ b: { usage } }], c: [1, 2] } }), usage)
  const wide = Object.fromEntries(others(2_000).map((one, index) => [`n${index}`, one]))
  t.strictSame(usageOf({ _meta: { wide, near: { usage } } }), usage)
})
