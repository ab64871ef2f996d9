import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type IdentityChange, identityChanges, type ProviderSettings, resolveSession } from '@onbehalf/contracts'
import { type Bus, call, readFeed } from '@onbehalf/rpc'
import { loadConfig } from '@onbehalf/service-kit'
import {
  type Backends,
  type Browser,
  createBrowser,
  freePort,
  type GivenProvider,
  type Idp,
  type IdpClient,
  type IdpUser,
  openBusAs,
  type PlayedMcpProvider,
  playMcpProvider,
  randomPassword,
  recordSecrets,
  signIn,
  startBackends,
  startIdp,
  type TestContext,
  until
} from '@onbehalf/testkit'
import { buildApp } from '../src/app.ts'
import { openService } from '../src/assemble.ts'
import { applyBootstrapFile } from '../src/bootstrap/apply.ts'
import { type Config, variables } from '../src/config.ts'
import { buildInnerApp } from '../src/inner-app.ts'

/** The people at the IdP; `absent` is a member who never signs in. */
export const logins = { owner: 'olivia', user: 'ann', second: 'cem', absent: 'bob' }
const loginNames = Object.values(logins)

type Replica = { inner: Awaited<ReturnType<typeof buildInnerApp>> }

export type Broker = Replica & {
  app: Awaited<ReturnType<typeof buildApp>>
  backends: Backends
  config: Config
  /** What another process of the service needs, besides its ports. */
  environment: Record<string, string>
  publicUrl: string
  idp: Idp
  mcpProvider: PlayedMcpProvider
  /** The bus as tool-invoker. */
  bus: Bus
  tenantId: string
  otherTenantId: string
  userIds: Record<string, string>
  apiKey: string
  secret: string
  register: (audience: string, given?: Partial<GivenProvider>) => ProviderSettings
  /** Another replica, on the same rows. */
  addReplica: () => Promise<Replica>
  bootstrap: (file: unknown, env?: Record<string, string>) => Promise<string>
}

type Options = {
  accessTokenSeconds?: number
  /** Ports on loopback that may be called besides the IdP's. */
  allow?: number[]
  /** Who else has an account at the IdP. */
  users?: IdpUser[]
  /** More clients at the IdP. */
  clients?: (publicUrl: string) => IdpClient[]
  /** More of its environment. */
  environment?: Record<string, string>
}

/** identity-broker on real servers, with a real IdP; mcp-provider is played on the bus. */
export const startBroker = async (
  t: TestContext,
  { accessTokenSeconds = 300, allow = [], users = [], clients = () => [], environment = {} }: Options = {}
): Promise<Broker> => {
  const backends = await startBackends(t)
  const port = await freePort()
  const publicUrl = `http://127.0.0.1:${port}`
  const [clientSecret, secret] = [randomPassword(), randomBytes(32).toString('base64url')]
  const apiKey = `obk_${randomBytes(32).toString('base64url')}`
  const masterKey = randomBytes(32).toString('base64')
  recordSecrets([clientSecret, secret, apiKey, masterKey])
  const idp = await startIdp({
    clients: [
      {
        client_id: 'onbehalf',
        client_secret: clientSecret,
        redirect_uris: ['acme', 'globex'].map((slug) => `${publicUrl}/auth/callback/${slug}/sso`),
        post_logout_redirect_uris: [`${publicUrl}/auth/signed-out`],
        backchannel_logout_uri: `${publicUrl}/auth/back-channel-logout/acme/sso`,
        backchannel_logout_session_required: true
      },
      ...clients(publicUrl)
    ],
    users: [
      ...loginNames.map((sub) => ({ sub, email: `${sub}@acme.test`, email_verified: true, name: sub })),
      ...users
    ],
    accessTokenSeconds,
    onSecret: (one) => recordSecrets([one])
  })
  t.teardown(idp.stop)
  const variablesOf = {
    ...backends.environmentFor('identity-broker'),
    PUBLIC_URL: publicUrl,
    MASTER_KEYS: `k1:${masterKey}`,
    EGRESS_ALLOW: [idp.port, ...allow].map((one) => `127.0.0.1:${one}`).join(','),
    LOG_LEVEL: 'error',
    ...environment
  }
  const config = loadConfig(variables, variablesOf)
  const mcpProvider = await playMcpProvider(await openBusAs(t, backends, 'mcp-provider'))
  t.teardown(mcpProvider.close)

  const bootstrap = async (file: unknown, env: Record<string, string> = {}) => {
    const directory = mkdtempSync(join(tmpdir(), 'onbehalf-bootstrap-'))
    const path = join(directory, 'bootstrap.json')
    writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file))
    try {
      return await applyBootstrapFile(config, {
        args: [path],
        env: { CLIENT_SECRET: clientSecret, API_KEY: apiKey, SECRET: secret, ...env }
      })
    } finally {
      rmSync(directory, { recursive: true })
    }
  }
  const { tenants } = JSON.parse(await bootstrap(bootstrapFile(idp.issuer)))

  const start = async () => {
    const service = await openService(config)
    const app = await buildApp(service)
    const inner = await buildInnerApp(service)
    t.teardown(async () => {
      await inner.close()
      await app.close()
      await service.close()
    })
    return { app, inner }
  }
  const { app, inner } = await start()
  await app.listen({ host: '127.0.0.1', port })
  const tenantId: string = tenants[0].id
  return {
    environment: variablesOf,
    ...{ backends, config, publicUrl, app, inner, idp, mcpProvider, tenantId, apiKey, secret, bootstrap },
    bus: await openBusAs(t, backends, 'tool-invoker'),
    otherTenantId: tenants[1].id,
    userIds: Object.fromEntries(
      tenants[0].members.map((one: { id: string; subject: string }) => [one.subject, one.id])
    ),
    register: (audience, given = {}) =>
      mcpProvider.register({ server_url: audience, tenant_id: tenantId, mode: 'idp_token', ...given }),
    addReplica: start
  }
}

export const bootstrapFile = (issuer: string) => {
  const connection = {
    name: 'sso',
    issuer,
    client_id: 'onbehalf',
    client_secret_env: 'CLIENT_SECRET',
    client_authentication: 'basic',
    scopes: 'openid email profile offline_access',
    resource_support: 'many'
  }
  const member = (subject: string, role: string) => ({ connection: 'sso', subject, role })
  return {
    tenants: [
      {
        slug: 'acme',
        name: 'Acme',
        connections: [connection],
        members: [
          member(logins.owner, 'owner'),
          member(logins.user, 'member'),
          member(logins.second, 'member'),
          member(logins.absent, 'member')
        ],
        apps: [{ name: 'flows', api_key_env: 'API_KEY', act_for: 'any' }],
        audience_patterns: ['https://own.example/mcp/*']
      },
      { slug: 'globex', name: 'Globex', connections: [connection], members: [member(logins.owner, 'owner')] }
    ],
    installations: [{ name: 'platform', secret_env: 'SECRET', tenants: [{ slug: 'acme', external_id: 'workspace-1' }] }]
  }
}

export type SignedIn = {
  browser: Browser
  csrf: string
  userId: string
  sessionId: string
  ticket: () => Promise<string>
}

/** Signs a person in, in a browser of their own, and answers with what the session gives. */
export const signInAs = async (
  { publicUrl, bus, tenantId }: Pick<Broker, 'publicUrl' | 'bus' | 'tenantId'>,
  login: string,
  tenant = 'acme'
): Promise<SignedIn> => {
  const browser = createBrowser()
  const landed = await signIn(browser, `${publicUrl}/auth/sign-in?tenant=${tenant}&return_to=/auth/me`, { login })
  const me = JSON.parse(landed.body)
  const cookie = cookieOf(browser, publicUrl)
  recordSecrets([cookie, renewalOf(browser, publicUrl)])
  const { sid } = JSON.parse(Buffer.from(cookie.split('.')[1] ?? '', 'base64url').toString())
  const session = { tenant_id: tenant === 'acme' ? tenantId : me.tenant.id, session_id: sid }
  return {
    browser,
    csrf: me.csrf,
    userId: me.user.id,
    sessionId: sid,
    ticket: async () => (await call(bus, resolveSession, session, { deadlineAt: Date.now() + 20_000 })).ticket
  }
}

export const cookieOf = (browser: Browser, publicUrl: string): string =>
  /onbehalf_session=([^;]+)/.exec(browser.cookies.header(new URL(publicUrl)) ?? '')?.[1] ?? ''

/** What the browser renews its session with; empty when it has nothing. */
export const renewalOf = (browser: Browser, publicUrl: string): string =>
  browser.cookies.all(new URL('/auth', publicUrl)).onbehalf_renewal ?? ''

/** As if ten minutes had passed: the browser has dropped its session cookie. */
export const dropSessionCookie = (browser: Browser, publicUrl: string): void =>
  browser.cookies.store(new URL(publicUrl), ['onbehalf_session=; Max-Age=0; Path=/'])

/**
 * What identity-broker tells the other services, as `kind:id` in order: `heard` waits until it has said this, `forget`
 * drops what it had said before.
 */
export const listenToChanges = async (t: TestContext, { bus }: Pick<Broker, 'bus'>) => {
  const said: string[] = []
  const onChange = ({ kind, id }: IdentityChange) => {
    said.push(`${kind}:${id}`)
  }
  const reader = readFeed(bus, identityChanges, { onChange, onReset: () => {} })
  t.teardown(async () => reader.close())
  await bus.connection.flush()
  return {
    said,
    heard: (kind: IdentityChange['kind'], id: string) => until(() => said.includes(`${kind}:${id}`)),
    forget: async () => {
      await bus.connection.flush()
      said.length = 0
    }
  }
}
