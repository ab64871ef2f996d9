import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  LoggingMessageNotificationSchema,
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema
} from '@modelcontextprotocol/sdk/types.js'
import type { TestContext } from '@onbehalf/testkit'
import { startFixture, startModern } from '@onbehalf/testkit/mcp-servers'
import { startStage } from '../../stage.ts'
import { startLegacyServer } from '../legacy-server.ts'

export type Json = Record<string, unknown>
type User = { headers: { authorization: string } }
type Connected = { capabilities?: Json; base?: string | undefined }
type Asked = { method?: string; body?: Json; base?: string | undefined }
type Listening = { path: string; notifications: unknown; accept?: string; signal?: AbortSignal; base?: string }

export const urlOf = ({ server_identifier }: { server_identifier: string }) => `/mcp/${server_identifier}`

export const subscriptionId = 'io.modelcontextprotocol/subscriptionId'
const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {}
}

export type Setting = Awaited<ReturnType<typeof startSetting>>

/** Two replicas with a server of each era behind them, and real clients. */
export const startSetting = async (t: TestContext) => {
  const [legacy, fixture, modern] = await Promise.all([startLegacyServer(t), startFixture(), startModern()])
  t.teardown(async () => {
    await Promise.all([fixture.stop(), modern.stop()])
  })
  const stage = await startStage(t, { alsoAllowed: [legacy.port, fixture.port, modern.port] })
  const { app, providers } = stage
  const other = await stage.open()
  t.teardown(() => other.app.close())
  const [here, there] = await Promise.all([app, other.app].map((one) => one.listen({ port: 0, host: '127.0.0.1' })))

  const forwarding = (tenant_id: string, server: { url: string } = legacy, more = {}) =>
    providers.register({ tenant_id, server_url: server.url, mode: 'idp_token', ...more })

  /** A real client of 2025-11-25, and what it was told. */
  const connect = async (
    t: TestContext,
    user: User,
    path: string,
    { capabilities = {}, base = here }: Connected = {}
  ) => {
    const client = new Client({ name: 'test', version: '1' }, { capabilities })
    const told: unknown[] = []
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void told.push(params.uri))
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void told.push(params.level))
    for (const schema of [ToolListChangedNotificationSchema, ResourceListChangedNotificationSchema])
      client.setNotificationHandler(schema, ({ method }) => void told.push(method))
    const transport = new StreamableHTTPClientTransport(new URL(`${base}${path}`), {
      requestInit: { headers: user.headers }
    })
    t.teardown(() => client.close())
    await client.connect(transport)
    const call = async (name: string, given: Json = {}) => {
      const { content } = await client.callTool({ name, arguments: given })
      const [first] = Array.isArray(content) ? content : []
      return JSON.parse(first.text)
    }
    return { client, transport, told, call, sessionId: transport.sessionId ?? '' }
  }

  /** One request in a session, by hand. */
  const ask = (by: Json, path: string, sessionId: string, { method = 'POST', body = {}, base = here }: Asked = {}) => {
    const session = { 'mcp-session-id': sessionId, 'mcp-protocol-version': '2025-11-25' }
    const headers = { accept: 'application/json, text/event-stream', ...session, ...by }
    if (method !== 'POST') return fetch(`${base}${path}`, { method, headers })
    const message = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', ...body })
    return fetch(`${base}${path}`, {
      method,
      headers: { ...headers, 'content-type': 'application/json' },
      body: message
    })
  }

  /** Listens as a client of 2026-07-28: what is told, as it comes, and when it is over. */
  const listen = async (
    user: User,
    { path, notifications, accept = 'text/event-stream', signal, base = here }: Listening
  ) => {
    const method = 'subscriptions/listen'
    const answer = await fetch(`${base}${path}`, {
      method: 'POST',
      headers: {
        ...{ ...user.headers, accept, 'content-type': 'application/json' },
        ...{ 'mcp-protocol-version': '2026-07-28', 'mcp-method': method }
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 'L1', method, params: { notifications, _meta: modernMeta } }),
      ...(signal && { signal })
    })
    const told: Json[] = []
    const read = async () => {
      let text = ''
      for await (const chunk of answer.body ?? []) {
        text += Buffer.from(chunk).toString()
        const events = text.split('\n\n')
        text = events.pop() ?? ''
        for (const event of events) {
          const data = /^data: (.*)$/m.exec(event)?.[1]
          if (data !== undefined) told.push(JSON.parse(data))
        }
      }
    }
    return { status: answer.status, told, over: signal ? read().catch(() => undefined) : read() }
  }

  /** Calls a tool as a client of 2026-07-28 that can do this. */
  const askModern = async (user: User, path: string, capabilities: Json, name: string): Promise<Json> => {
    const method = 'tools/call'
    const meta = { ...modernMeta, 'io.modelcontextprotocol/clientCapabilities': capabilities }
    const standard = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, 'mcp-name': name }
    const answer = await app.inject({
      ...{ method: 'POST', url: path },
      headers: { ...user.headers, ...standard, host: '127.0.0.1', 'content-type': 'application/json' },
      payload: { jsonrpc: '2.0', id: 1, method, params: { name, arguments: {}, _meta: meta } }
    })
    return answer.json()
  }

  return { ...stage, askModern, legacy, fixture, modern, here, there, forwarding, connect, ask, listen }
}
