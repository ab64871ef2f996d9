import { eventually } from '@onbehalf/testkit'
import type { AnswerCall } from '@onbehalf/testkit/mcp-servers'
import type { Setting } from './setting.ts'

const version = '2026-07-28'
const large = 'é€ "quoted" \\ \n'.repeat(20_000)
export const content = [{ type: 'text', text: large }]
const begun = (id: unknown) => `{"jsonrpc":"2.0","id":${id},"result":{"content":${JSON.stringify(content)}`

/** As what a server may answer; of an event it is the data. */
const framings = {
  json: { type: 'application/json', before: '', behind: '' },
  events: { type: 'text/event-stream', before: ': soon\n\nid: 1\ndata: ', behind: '\n\n' }
} as const
type Framing = keyof typeof framings
export const bothFramings: readonly Framing[] = ['json', 'events']

type Saying = { untilTaken?: Promise<unknown>; framing?: Framing }

/** What follows the content, by hand; without it the connection breaks once the answer has begun. */
export const sayLarge =
  (rest: string | undefined, { untilTaken = Promise.resolve(), framing = 'json' }: Saying = {}): AnswerCall =>
  ({ id }, raw) => {
    const { type, before, behind } = framings[framing]
    raw.writeHead(200, { 'content-type': type }).write(before + begun(id))
    const end = () => (rest === undefined ? raw.socket?.resetAndDestroy() : raw.end(rest + behind))
    void untilTaken.then(end)
    return undefined
  }

/** How a large result is asked for, and what is on record of it. */
export const createAsking = ({ app, origin }: Setting) => {
  const outcomesOf = async (headers: Record<string, string>, count: number) => {
    const list = async () => (await app.inject({ url: '/v1/calls', headers })).json().data
    const rows: { id: string; outcome: string }[] = await eventually(list, ({ length }) => length >= count)
    return rows.map(({ id, outcome }) => [id, outcome])
  }
  const post = async (path: string, headers: Record<string, string>, body: object, signal?: AbortSignal) =>
    fetch(`${await origin()}${path}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...(signal && { signal })
    })
  /** A call at the endpoint of one server, by a client of either era. */
  const ask = (server_identifier: string, headers: Record<string, string>, era: 'modern' | 'legacy') => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': version,
      'io.modelcontextprotocol/clientCapabilities': {}
    }
    const params = { name: 'x', arguments: {}, ...(era === 'modern' && { _meta: meta }) }
    const standard = { 'mcp-protocol-version': version, 'mcp-method': 'tools/call', 'mcp-name': 'x' }
    // No event stream: one begins by the clock, and holds what it tells.
    const all = { ...headers, accept: 'application/json', ...(era === 'modern' && standard) }
    return post(`/mcp/${server_identifier}`, all, { jsonrpc: '2.0', id: 'é1', method: 'tools/call', params })
  }

  return { outcomesOf, post, ask }
}
