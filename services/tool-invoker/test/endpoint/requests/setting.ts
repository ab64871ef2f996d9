import { eventually, type TestContext } from '@onbehalf/testkit'
import { startEverything, startFixture, startModern } from '@onbehalf/testkit/mcp-servers'
import { startStage } from '../../stage.ts'
import { startListing } from '../listing-server.ts'

export type Json = Record<string, unknown>
export const version = '2026-07-28'
export const metaOf = (capabilities: Json = {}, more: Json = {}): Json => ({
  'io.modelcontextprotocol/protocolVersion': version,
  'io.modelcontextprotocol/clientCapabilities': capabilities,
  ...more
})
export const url = (server_identifier: string) => `/mcp/${server_identifier}`
export const callable = (names: string[]) => names.map((name) => ({ name, input_schema: { type: 'object' } }))

type Ask = { method: string; params?: Json; capabilities?: Json; meta?: Json; headers?: Json }

export type Setting = Awaited<ReturnType<typeof startSetting>>

/** The endpoint with servers of each kind behind it, and clients of both eras. */
export const startSetting = async (t: TestContext) => {
  const [everything, modern, fixture, listing] = await Promise.all([
    startEverything(),
    startModern(),
    startFixture(),
    startListing(t)
  ])
  t.teardown(async () => {
    await Promise.all([everything.stop(), modern.stop(), fixture.stop()])
  })
  const stage = await startStage(t, { alsoAllowed: [everything.port, modern.port, fixture.port, listing.port] })
  const { app, providers, recording } = stage

  /** Posts a body as it is. */
  const post = async (path: string, headers: Json, payload: unknown, to = app) => {
    const all = { host: '127.0.0.1:4000', accept: 'application/json', 'content-type': 'application/json', ...headers }
    const answer = await to.inject({ method: 'POST', url: path, headers: all, payload: JSON.stringify(payload) })
    const body: Json = answer.body === '' ? {} : answer.json()
    return { status: answer.statusCode, headers: answer.headers, body }
  }

  /** Asks as a client of 2026-07-28 does, with the headers that go with the body. */
  const ask = (path: string, by: Json, { method, params = {}, capabilities, meta, headers = {} }: Ask, to = app) => {
    const name = params.name ?? params.uri
    const standard = { 'mcp-protocol-version': version, 'mcp-method': method, ...(name ? { 'mcp-name': name } : {}) }
    const body = { jsonrpc: '2.0', id: 'é1', method, params: { ...params, _meta: metaOf(capabilities, meta) } }
    return post(path, { ...by, ...standard, ...headers }, body, to)
  }
  const askLegacy = (path: string, by: Json, method: string, params: Json = {}, headers: Json = {}) =>
    post(path, { ...by, ...headers }, { jsonrpc: '2.0', id: 7, method, params })

  const forwarding = (tenant_id: string, server: { url: string } = recording, more = {}) =>
    providers.register({ tenant_id, server_url: server.url, mode: 'idp_token', ...more })
  /** What was recorded of a caller's calls, once there is so much of it. */
  const recorded = (headers: Record<string, string>, count: number): Promise<Json[]> =>
    eventually(
      async () => (await app.inject({ url: '/v1/calls', headers })).json().data,
      ({ length }) => length === count
    )
  return { ...stage, everything, modern, fixture, listing, post, ask, askLegacy, forwarding, recorded }
}
