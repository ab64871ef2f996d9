import { randomBytes } from 'node:crypto'
import { loadConfig } from '@onbehalf/service-kit'
import { startBackends, type TestContext } from '@onbehalf/testkit'
import { startRecording, startWhoami } from '@onbehalf/testkit/mcp-servers'
import {
  openBusAs,
  playDeviceAuth,
  playIdentityBroker,
  playMcpProvider,
  playTokenIssuer
} from '@onbehalf/testkit/players'
import { buildApp } from '../src/app.ts'
import { variables } from '../src/config.ts'
import type { GateLimits } from '../src/gates/gates.ts'
import { openResources } from '../src/resources.ts'

export const publicUrl = 'http://127.0.0.1:4000'

const masterKeys = `k1:${randomBytes(32).toString('base64')}`

type Headers = Record<string, string>

/** The service on real servers, with its neighbours played over the real bus, and two MCP servers to call. */
export const startStage = async (t: TestContext, { alsoAllowed = [] }: { alsoAllowed?: number[] } = {}) => {
  const backends = await startBackends(t)
  const [brokerBus, providerBus, deviceBus] = await Promise.all([
    openBusAs(t, backends, 'identity-broker'),
    openBusAs(t, backends, 'mcp-provider'),
    openBusAs(t, backends, 'device-auth')
  ])
  const broker = await playIdentityBroker(brokerBus, { publicUrl })
  const providers = await playMcpProvider(providerBus)
  const devices = await playDeviceAuth(deviceBus)
  const issuer = await playTokenIssuer(brokerBus)
  const [recording, whoami] = await Promise.all([startRecording(), startWhoami({ issuer: issuer.issuer })])
  const allowed = [recording.port, whoami.port, ...alsoAllowed].map((port) => `127.0.0.1:${port}`)

  const environment = (more: Record<string, string> = {}): Record<string, string> => ({
    ...backends.environmentFor('tool-invoker'),
    PUBLIC_URL: publicUrl,
    LOG_LEVEL: 'error',
    EGRESS_ALLOW: allowed.join(','),
    PRINCIPAL_CALLS_PER_MINUTE: '0',
    MASTER_KEYS: masterKeys,
    ...more
  })
  const open = async (
    more: Record<string, string> = {},
    now = () => new Date(),
    gateLimits: Partial<GateLimits> = {}
  ) => {
    const resources = await openResources(loadConfig(variables, environment(more)), gateLimits)
    const app = await buildApp(resources, now)
    app.addHook('onClose', () => resources.close())
    return { app, resources }
  }
  const { app, resources } = await open()
  t.teardown(async () => {
    await app.close()
    await Promise.all([whoami.stop(), recording.stop()])
    await Promise.all([broker.close(), providers.close(), devices.close(), issuer.close()])
  })

  const call = async (headers: Headers, body: Record<string, unknown>) => {
    const answer = await app.inject({ method: 'POST', url: '/v1/tools/call', headers, payload: body })
    const json: Record<string, unknown> = answer.json()
    return { status: answer.statusCode, headers: answer.headers, body: json }
  }
  /** What the players said on the bus before has been heard when this is done: an answer is heard after it. */
  const settle = async () => {
    const nowhere = { server_identifier: 'nowhere', tool: 'x' }
    const { headers } = await broker.signIn()
    await call(headers, nowhere)
    await call(devices.makeToken().headers, nowhere)
  }
  await settle()
  // A writer heard first is a reason to drop everything; that shall not happen in the middle of a test.
  for (const { change } of [broker, providers, devices]) change()
  await settle()
  return {
    backends,
    environment,
    app,
    resources,
    open,
    call,
    settle,
    broker,
    providers,
    devices,
    issuer,
    recording,
    whoami
  }
}
