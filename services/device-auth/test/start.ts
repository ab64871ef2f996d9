import { randomBytes } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { type App, loadConfig } from '@onbehalf/service-kit'
import { type Backends, eventually, freePort, recordSecrets, startBackends } from '@onbehalf/testkit'
import { openBusAs, type PlayedIdentityBroker, playIdentityBroker, type SignedIn } from '@onbehalf/testkit/players'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { buildApp } from '../src/app.ts'
import { variables } from '../src/config.ts'
import { shortNames } from '../src/device-code/scripts.ts'
import { mint } from '../src/device-token/mint.ts'
import { tokenStore } from '../src/device-token/store.ts'
import { openResources, type Resources } from '../src/resources.ts'

export type Running = {
  publicUrl: string
  backends: Backends
  broker: PlayedIdentityBroker
  app: App
  resources: Resources
  /** Another replica on the same servers; with other environment or chance where given. */
  startReplica: (options?: ReplicaOptions) => Promise<App>
  /** Redis as its administrator, who sees every key. */
  redis: Redis
}

export type ReplicaOptions = {
  environment?: Record<string, string>
  resources?: Partial<Resources>
  /** Routes of others that a browser passes through, which the gateway would lead to them. */
  others?: (app: App) => void
}

/** device-auth on real servers, with identity-broker played on the bus; with other environment where given. */
export const startService = async (t: Test, ownEnvironment: Record<string, string> = {}): Promise<Running> => {
  const backends = await startBackends(t)
  const publicUrl = `http://127.0.0.1:${await freePort()}`
  const broker = await playIdentityBroker(await openBusAs(t, backends, 'identity-broker'), { publicUrl })
  t.teardown(broker.close)
  const masterKey = randomBytes(32).toString('base64')
  recordSecrets([masterKey])
  const start = async ({ environment = {}, resources: changed = {}, others }: ReplicaOptions = {}) => {
    const own = {
      ...backends.environmentFor('device-auth'),
      PUBLIC_URL: publicUrl,
      MASTER_KEYS: `k1:${masterKey}`,
      LICENCE_STATE: 'active',
      ...ownEnvironment
    }
    const opened = await openResources(loadConfig(variables, { ...own, LOG_LEVEL: 'debug', ...environment }))
    const resources = { ...opened, ...changed }
    const write = (line: string) => appendFileSync(join(backends.directory, 'device-auth.log'), line)
    const app = await buildApp(resources, { logTo: { write } })
    app.addHook('onClose', () => opened.close())
    others?.(app)
    await app.ready()
    t.teardown(() => app.close())
    return { app, resources }
  }
  const redis = new Redis(backends.redis.adminUrl(), { lazyConnect: true }).on('error', () => {})
  await redis.connect()
  t.teardown(async () => redis.disconnect())
  const { app, resources } = await start()
  return {
    ...{ publicUrl, backends, broker, app, resources, redis },
    startReplica: async (options) => (await start(options)).app
  }
}

const base = '/openapi/v1/oauth/device'
export const clientId = 'onbehalf'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of every shape
export type Answer = { status: number; body: any; headers: Record<string, unknown> }

type Send = { headers?: Record<string, string>; body?: object | string; remoteAddress?: string }

export const send = async (
  app: App,
  method: 'GET' | 'POST' | 'DELETE' | 'OPTIONS',
  url: string,
  options: Send = {}
) => {
  const { headers = {}, body, remoteAddress } = options
  const from = remoteAddress ? { remoteAddress } : {}
  const answer = await app.inject({ method, url, headers, ...(body ? { payload: body } : {}), ...from })
  const isJson = String(answer.headers['content-type']).startsWith('application/json')
  const read: Answer = {
    status: answer.statusCode,
    headers: answer.headers,
    body: isJson ? answer.json() : answer.body
  }
  return read
}

export type Started = { device_code: string; user_code: string; verification_uri_complete: string }

/** Begins a flow as a device does. */
export const startFlow = async (app: App, body: object = {}, remoteAddress?: string): Promise<Started> => {
  const asked = { client_id: clientId, device_label: 'laptop', ...body }
  // On a busy machine Redis may be given up waiting for.
  const answer = await eventually(
    () => send(app, 'POST', `${base}/code`, { body: asked, ...(remoteAddress ? { remoteAddress } : {}) }),
    ({ status }) => status !== 503,
    60
  )
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
  recordSecrets([answer.body.device_code])
  return answer.body
}

export const poll = async (app: App, device_code: string, body: object = {}): Promise<Answer> => {
  const answer = await send(app, 'POST', `${base}/token`, { body: { device_code, client_id: clientId, ...body } })
  if (answer.status === 200) recordSecrets([answer.body.token])
  return answer
}

export const decideAs = (app: App, verb: 'approve' | 'deny', who: SignedIn, user_code: string): Promise<Answer> =>
  send(app, 'POST', `${base}/${verb}`, { headers: who.headers, body: { user_code } })

export const lookUp = (app: App, user_code: string, options: Send = {}): Promise<Answer> =>
  send(app, 'GET', `${base}/lookup?user_code=${encodeURIComponent(user_code)}`, options)

/** The whole of it: what a device gets when its user approves at once. */
export const signInDevice = async (app: App, who: SignedIn, body: object = {}): Promise<Answer> => {
  const { device_code, user_code } = await startFlow(app, body)
  const decided = await decideAs(app, 'approve', who, user_code)
  if (decided.status !== 200) throw new Error(JSON.stringify(decided.body))
  return poll(app, device_code)
}

export const externalIssuer = 'https://idp.partner.example'

/** A device token of somebody who is no member, as the poll that follows their approval mints it. */
export const mintExternal = async (
  { postgres, users, feed }: Resources,
  { tenant_id, user_id }: Pick<SignedIn, 'tenant_id' | 'user_id'>,
  { isCovered = true, device_label = 'partner laptop' } = {}
) => {
  const device = { client_id: clientId, device_label, created_ip: '127.0.0.1' }
  const announce = (id: string) => feed.publish({ kind: 'device_token', id })
  const minted = await mint(
    { tenant_id, user_id, subject_issuer: externalIssuer, ...device },
    { ip: '127.0.0.1', request_id: 'f'.repeat(32) },
    { tokens: tokenStore(postgres.db), users, announce, coversSso: () => isCovered }
  )
  recordSecrets([minted.token])
  return minted
}

/** As if an hour had passed since the last poll of every device. */
export const letTimePass = async (redis: Redis): Promise<void> => {
  for (const key of await redis.keys('device-auth:code:*')) {
    for (const field of [shortNames.polled_at, 'taken_until'])
      if (await redis.hexists(key, field)) await redis.hset(key, field, Date.now() - 3_600_000)
  }
}
