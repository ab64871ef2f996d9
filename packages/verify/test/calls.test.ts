import { createHash } from 'node:crypto'
import t from 'tap'
import { createVerifier, digestOf, memoryReplayStore, VerifyError } from '../src/index.ts'
import { audience, startIssuer } from './issuer.ts'

const issuer = await startIssuer(t)
const verifierOf = (options: Partial<Parameters<typeof createVerifier>[0]> = {}) =>
  createVerifier({ issuers: [issuer.issuer], audience, ...options })
const isRefused = async (work: Promise<unknown>, code = 'invalid_token') =>
  work.then(
    () => false,
    (error: unknown) => error instanceof VerifyError && error.code === code
  )
const bound = (tool: string | null, given: unknown = {}) =>
  issuer.sign({ tool, ...(tool === null ? {} : { arguments_digest: digestOf(given) }) })
const call = (name: unknown, given?: unknown) => ({
  ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
  params: { name, ...(given === undefined ? {} : { arguments: given }) }
})
const rpc = (method: string) => ({ jsonrpc: '2.0', id: 1, method, params: {} })
const sent = (token: string, body: unknown) => ({ authorization: `Bearer ${token}`, body })

t.test('a digest is that of the RFC 8785 form', async (t) => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url')
  t.equal(digestOf({ b: [1e30, 4.5, 'é\u20ac'], a: null }), sha256('{"a":null,"b":[1e+30,4.5,"é€"]}'))
  for (const nothing of [undefined, null, {}]) t.equal(digestOf(nothing), sha256('{}'))
})

t.test('a token for one call is good for that call, its arguments in any order', async (t) => {
  const { verify } = verifierOf()
  const given = { b: 1, a: { d: [2], c: 'x' } }
  const token = await bound('add', given)
  const identity = await verify(token, { call: { name: 'add', arguments: { a: { c: 'x', d: [2] }, b: 1 } } })
  t.match(identity, { tool: 'add', arguments_digest: digestOf(given) })
  const others = [
    { name: 'delete', arguments: given },
    { name: 'add', arguments: { ...given, b: 2 } },
    { name: 'add', arguments: { ...given, more: true } },
    { name: 'add' }
  ]
  for (const other of others) t.ok(await isRefused(verify(token, { call: other })), JSON.stringify(other))
  t.ok(await isRefused(verify(await bound(null), { call: { name: 'add' } })), 'one that is for no call')
  t.ok(await verify(await issuer.sign(), { call: { name: 'add' } }), 'one that says nothing of calls')
})

t.test('an MCP request is held against its token', async (t) => {
  const { authenticate } = verifierOf()
  const token = await bound('add', { a: 1 })
  const good = [
    call('add', { a: 1 }),
    [call('add', { a: 1 })],
    [rpc('notifications/initialized'), call('add', { a: 1 })],
    rpc('initialize'),
    rpc('server/discover'),
    rpc('tools/list'),
    { jsonrpc: '2.0', id: 1, result: {} },
    undefined
  ]
  for (const body of good) t.equal((await authenticate(sent(token, body))).subject, 'ann', JSON.stringify(body))
  const bad = [
    call('add', { a: 2 }),
    call('add'),
    call('remove', { a: 1 }),
    call(undefined),
    call(7),
    { ...rpc('tools/call'), params: null },
    [call('add', { a: 1 }), call('add', { a: 1 })],
    [call('add', { a: 1 }), rpc('resources/read')],
    rpc('resources/read'),
    rpc('prompts/get'),
    rpc('completion/complete'),
    rpc('TOOLS/CALL')
  ]
  for (const body of bad) t.ok(await isRefused(authenticate(sent(token, body))), JSON.stringify(body))
  const none = await bound(null)
  t.ok(await authenticate(sent(none, rpc('tools/list'))))
  t.ok(await isRefused(authenticate(sent(none, call('add', { a: 1 })))))
})

t.test("an IdP's token is for all that the server offers, as often as it is sent", async (t) => {
  const { authenticate } = verifierOf({ replay: memoryReplayStore() })
  const token = await issuer.sign()
  for (const body of [call('add'), call('add'), rpc('resources/read'), [call('a'), call('b')]])
    t.equal((await authenticate(sent(token, body))).subject, 'ann')
})

t.test('a token for one call works once, and before its call as often as the protocol needs', async (t) => {
  const { authenticate, verify } = verifierOf({ replay: memoryReplayStore() })
  const token = await bound('add', { a: 1 })
  for (const body of [rpc('server/discover'), rpc('initialize'), call('add', { a: 1 })])
    await authenticate(sent(token, body))
  t.ok(await isRefused(authenticate(sent(token, call('add', { a: 1 })))))
  t.ok(await isRefused(verify(token, { call: { name: 'add', arguments: { a: 1 } } })))
  t.ok(await authenticate(sent(await bound('add', { a: 1 }), call('add', { a: 1 }))), 'the next one is another one')
})

t.test('a call that is refused uses nothing up', async (t) => {
  const { authenticate } = verifierOf({ replay: memoryReplayStore() })
  const token = await bound('add', { a: 1 })
  t.ok(await isRefused(authenticate(sent(token, call('add', { a: 2 })))))
  t.ok(await authenticate(sent(token, call('add', { a: 1 }))))
})

t.test('of many that come at once with one token, one gets through', async (t) => {
  const { authenticate } = verifierOf({ replay: memoryReplayStore() })
  const token = await bound('add')
  const all = await Promise.allSettled(Array.from({ length: 50 }, () => authenticate(sent(token, call('add')))))
  t.equal(all.filter(({ status }) => status === 'fulfilled').length, 1)
})

t.test('another spelling of the same token is the same token', async (t) => {
  const { authenticate } = verifierOf({ replay: memoryReplayStore() })
  const token = await bound('add')
  // The last letter of 64 bytes has four bits that count for nothing.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(token.at(-1) ?? '')
  const spellings = [1, 2, 3].map((bits) => token.slice(0, -1) + alphabet[last ^ bits])
  t.equal(new Set([token, ...spellings]).size, 4)
  t.ok(await authenticate(sent(token, call('add'))))
  for (const spelling of [...spellings, `${token}=`, `${token}==`])
    t.ok(await isRefused(authenticate(sent(spelling, call('add')))), spelling.slice(-4))
})

t.test('a token without an id cannot be told from one that was used', async (t) => {
  const { authenticate } = verifierOf({ replay: memoryReplayStore() })
  const token = await issuer.sign({ jti: undefined, tool: 'add', arguments_digest: digestOf({}) })
  t.ok(await isRefused(authenticate(sent(token, call('add')))))
})

t.test('an issuer all of whose tokens are for one call', async (t) => {
  const { authenticate } = verifierOf({
    issuers: [{ issuer: issuer.issuer, isOnce: true }],
    replay: memoryReplayStore()
  })
  const token = await issuer.sign()
  t.ok(await authenticate(sent(token, call('add'))))
  t.ok(await isRefused(authenticate(sent(token, call('add')))))
})

t.test('where nothing can be remembered, nothing is let through, and that is not the token being bad', async (t) => {
  const full = verifierOf({ replay: memoryReplayStore({ max: 1 }) })
  t.ok(await full.authenticate(sent(await bound('add'), call('add'))))
  t.ok(await isRefused(full.authenticate(sent(await bound('add'), call('add'))), 'unavailable'))
  const away = verifierOf({
    replay: {
      isFirst: async () => {
        throw new Error('away')
      }
    }
  })
  t.ok(await isRefused(away.authenticate(sent(await bound('add'), call('add'))), 'unavailable'))
})

t.test('a memory store forgets what has ended', async (t) => {
  let time = 0
  const store = memoryReplayStore({ max: 2, now: () => time })
  t.same(
    [await store.isFirst('a', 10), await store.isFirst('b', 20), await store.isFirst('a', 10)],
    [true, true, false]
  )
  time = 10_000
  t.equal(await store.isFirst('c', 30), true)
  t.equal(await store.isFirst('b', 20), false)
})
