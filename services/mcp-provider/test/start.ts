import { randomBytes } from 'node:crypto'
import { type ErrorDetail, ReportedError } from '@onbehalf/errors'
import type { Bus } from '@onbehalf/rpc'
import { type App, loadConfig } from '@onbehalf/service-kit'
import { type Backends, recordSecrets, startBackends } from '@onbehalf/testkit'
import { openBusAs, type PlayedIdentityBroker, playIdentityBroker, type SignedIn } from '@onbehalf/testkit/players'
import type { Test } from 'tap'
import { buildApp } from '../src/app.ts'
import { variables } from '../src/config.ts'
import type { ProviderAnswer, ProviderPage } from '../src/providers/shapes.ts'
import { openResources, type Resources } from '../src/resources.ts'

export const publicUrl = 'http://127.0.0.1:4000'

export type Running = {
  app: App
  resources: Resources
  backends: Backends
  /** The bus as identity-broker, which the test plays. */
  brokerBus: Bus
  broker: PlayedIdentityBroker
  /** Sends a request as somebody who is signed in. */
  as: (who: SignedIn) => (method: Method, url: string, body?: object) => Promise<Answer>
  /** Another replica. */
  openAnother: () => Promise<App>
  logs: string[]
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
/** What tests look at in answers; a refusal has the second half. */
type Shown = ProviderAnswer & ProviderPage & { code: string; message: string; details: ErrorDetail[] }
export type Answer = { status: number; body: Shown; text: string }

type Options = {
  /** EGRESS_ALLOW */
  allow: readonly string[]
  /** PUBLIC_URL; left out, one that nothing listens at. */
  at?: string
}

/** mcp-provider on real servers, with identity-broker played on the bus. */
export const startService = async (t: Test, { allow, at = publicUrl }: Options): Promise<Running> => {
  const backends = await startBackends(t)
  const brokerBus = await openBusAs(t, backends, 'identity-broker')
  const broker = await playIdentityBroker(brokerBus, { publicUrl: at })
  t.teardown(broker.close)
  const masterKey = randomBytes(32).toString('base64')
  recordSecrets([masterKey])
  const config = loadConfig(variables, {
    ...backends.environmentFor('mcp-provider'),
    PUBLIC_URL: at,
    MASTER_KEYS: `k1:${masterKey}`,
    EGRESS_ALLOW: allow.join(','),
    LOG_LEVEL: 'debug'
  })
  const logs: string[] = []
  const open = async () => {
    const resources = await openResources(config)
    const app = await buildApp(resources, { logTo: { write: (line) => void logs.push(line) } })
    app.addHook('onClose', () => resources.close())
    await app.ready()
    t.teardown(() => app.close())
    return { app, resources }
  }
  const { app, resources } = await open()
  const openAnother = async () => (await open()).app
  return { app, resources, backends, brokerBus, broker, logs, as: asWho(app), openAnother }
}

const asWho =
  (app: App): Running['as'] =>
  ({ headers }) =>
  async (method, url, body) => {
    const answer = await app.inject({ method, url, headers, ...(body ? { payload: body } : {}) })
    const text = answer.body
    return { status: answer.statusCode, text, body: JSON.parse(text || 'null') }
  }

/** How a call was refused. */
export const refusalOf = async (work: Promise<unknown>): Promise<ReportedError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown
  )
  if (error instanceof ReportedError) return error
  throw new Error('it was expected to be refused', { cause: error })
}
