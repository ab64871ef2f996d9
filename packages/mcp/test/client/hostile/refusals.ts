import { once } from 'node:events'
import t from 'tap'
import { UpstreamUnauthorized } from '../../../src/client/index.ts'
import { startHostile } from '../hostile.ts'
import { base, createTestClient } from '../send.ts'

const tool = { name: 'x', arguments: {} }

/** What servers refuse, and lists that do not end. */
export const testRefusals = (): void => {
  t.test('401 and 403 go to the caller, and say nothing about the era', async (t) => {
    let status = 401
    let challenge = 'Bearer resource_metadata="http://x/"'
    const refuse = (
      _: unknown,
      { json }: { json: (body: unknown, status: number, headers: Record<string, string>) => void }
    ) => json({ error: 'no' }, status, { 'www-authenticate': challenge })
    const behaviour: Parameters<typeof startHostile>[1] = { 'server/discover': refuse }
    const { url, count } = await startHostile(t, behaviour)
    const client = createTestClient(t)
    const call = () => client.callTool({ ...base, url, ...tool })
    const error = await call().catch((thrown: unknown) => thrown)
    t.ok(error instanceof UpstreamUnauthorized)
    t.match(error, { code: 'upstream_unauthorized', wwwAuthenticate: challenge, isOnlyAnswer: true })
    status = 403
    await t.rejects(call(), { code: 'upstream_error' })
    challenge = 'Bearer error="insufficient_scope", scope="files:read files:write"'
    await t.rejects(call(), {
      code: 'upstream_insufficient_scope',
      extras: { details: [{ path: 'scope', message: 'files:read files:write' }] }
    })
    t.equal(count('server/discover'), 3, 'asked each time, nothing was learned')
    t.equal(count('initialize') + count('tools/call'), 0)
  })

  t.test('a refusal that does not end holds no connection', { timeout: 15_000 }, async (t) => {
    const closed: Promise<unknown>[] = []
    let status = 401
    const { url } = await startHostile(t, {
      'server/discover': (_, { raw }) => {
        closed.push(once(raw, 'close'))
        raw.writeHead(status, { 'www-authenticate': 'Bearer error="insufficient_scope"' }).write('no')
      }
    })
    const client = createTestClient(t)
    for (const [given, code] of [
      [401, 'upstream_unauthorized'],
      [403, 'upstream_insufficient_scope']
    ] as const) {
      status = given
      await t.rejects(client.callTool({ ...base, url, ...tool }), { code })
    }
    await Promise.all(closed)
    t.equal(closed.length, 2)
  })

  t.test('a list is read to its last page, but not in a circle or for ever', async (t) => {
    const { url, count } = await startHostile(t, {
      'tools/list': ({ params, headers }, { result }) => {
        const page = Number(params.cursor ?? 0)
        const next = { three: page < 2 ? page + 1 : undefined, circle: 0, ever: page + 1 }[String(headers['x-mode'])]
        result({
          tools: [{ name: `t${page}`, inputSchema: {} }],
          ...(next !== undefined && { nextCursor: String(next) })
        })
      }
    })
    const client = createTestClient(t, { limits: { pagesMax: 10 } })
    const list = (mode: string) => client.listTools({ ...base, url, headers: { 'X-Mode': mode } })
    t.same(
      (await list('three')).tools.map(({ name }) => name),
      ['t0', 't1', 't2']
    )
    t.equal(count('initialize'), 1, 'one session for all pages')
    await t.rejects(list('circle'), { message: /circle/ })
    const before = count('tools/list')
    await t.rejects(list('ever'), { message: /too much/ })
    t.equal(count('tools/list') - before, 10)
    await client.close()
    t.equal(count('DELETE'), 3, 'each listing ends its own session')
  })

  t.test('a list is bounded by all that is said with it, and by its tools', async (t) => {
    const { url, count } = await startHostile(t, {
      'tools/list': ({ params, headers }, { result }) => {
        const page = Number.parseInt(String(params.cursor ?? 0), 10)
        const mode = String(headers['x-mode'])
        const tools = Array.from({ length: mode === 'many' ? 21 : 0 }, (_, at) => ({ name: `t${at}`, inputSchema: {} }))
        const nextCursor = mode === 'many' ? undefined : `${page + 1}${mode === 'cursors' ? 'x'.repeat(30_000) : ''}`
        result({ tools, nextCursor, ...(mode === 'besides' && { _meta: { much: 'x'.repeat(30_000) } }) })
      }
    })
    const client = createTestClient(t, { limits: { answerBytesMax: 100_000, toolsMax: 20 } })
    for (const mode of ['cursors', 'besides', 'many']) {
      const before = count('tools/list')
      await t.rejects(client.listTools({ ...base, url, headers: { 'X-Mode': mode } }), { message: /too much/ }, mode)
      t.equal(count('tools/list') - before, mode === 'many' ? 1 : 4)
    }
  })

  t.test('the deadline is one for each request, so a long list may take longer than one answer', async (t) => {
    const { url } = await startHostile(t, {
      'tools/list': ({ params }, { result }) => {
        const page = Number(params.cursor ?? 0)
        setTimeout(() => result({ tools: [], ...(page < 4 && { nextCursor: String(page + 1) }) }), 600)
      }
    })
    const started = performance.now()
    t.same((await createTestClient(t).listTools({ ...base, url, timeoutMs: 2_800 })).tools, [])
    t.ok(performance.now() - started > 2_800)
  })
}
