import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type GivenServers, namesToStart, tellGiven } from '../given/index.ts'
import { type Idp, type IdpUser, startIdp } from '../idp/index.ts'
import { type Everything, startEverything, startWhoami, type Whoami } from '../mcp-servers/index.ts'
import { startCaddy } from '../servers/caddy.ts'
import { freePort } from '../servers/free-port.ts'
import { inRepository } from '../servers/repository.ts'
import { perService, type ServiceName, serviceNames, variablePrefix } from '../servers/service-names.ts'
import { startBacking } from './backing.ts'
import { type Bootstrapped, idpUsers, writeBootstrapFile } from './demo-tenant.ts'
import { migrateService } from './migrate.ts'
import { loadSecrets, type PlatformSecrets } from './secrets.ts'
import { type RunningService, runService, startService } from './services.ts'

export type Platform = {
  publicUrl: string
  /** Where a platform of the same network asks identity-broker for tokens. */
  innerUrl: string
  secrets: PlatformSecrets
  tenantId: string
  /** Our ids of the demo's people, by their subject at the IdP. */
  userIds: Record<string, string>
  idp: Idp
  whoami: Whoami
  everything: Everything
  services: Record<ServiceName, RunningService>
  databaseUrl: string
  directory: string
  /** Ends a service's process at once, as kill -9 does. */
  kill: (service: ServiceName) => Promise<void>
  /** Starts a service that was killed, where it was. */
  revive: (service: ServiceName) => Promise<void>
  stop: () => Promise<void>
}

export type PlatformOptions = {
  /** Data, secrets and logs; kept when it exists. */
  directory: string
  /** The gateway's port and those above it, as far as they are free; left out: any free ones. */
  port?: number
  given?: GivenServers
  onProgress?: (line: string) => void
  /** Where the installation's secrets are kept; in the data directory when left out. */
  secretsFile?: string
  /** Told of every code and token of the demo IdP. */
  onSecret?: (secret: string) => void
  /** Ports on loopback that the services may call beside the IdP's and the two MCP servers'. */
  allowedPorts?: readonly number[]
  /** Who else has an account at the demo IdP. */
  moreUsers?: readonly IdpUser[]
  /** Who is asked for names in DNS, `address:port`; those of the system when left out. */
  nameServers?: readonly string[]
  /** How many servers are listened to for changes of their tools; as many as usual when left out. */
  watchesMax?: number
  /** More of the environment of every service. */
  environment?: Record<string, string>
}

/** Everything of a local installation as processes: servers, services, gateway, a demo IdP and two MCP servers. */
export const startPlatform = async (options: PlatformOptions): Promise<Platform> => {
  try {
    return await tryToStart(options)
  } catch (error) {
    // Somebody else took a port between our look and our use of it.
    if (!(error instanceof Error) || !/EADDRINUSE|address already in use/.test(error.message)) throw error
    const { port: _taken, ...others } = options
    return tryToStart(others)
  }
}

const tryToStart = async ({
  directory,
  port,
  given = {},
  onProgress = () => {},
  secretsFile = join(directory, 'secrets.json'),
  onSecret = () => {},
  allowedPorts = [],
  moreUsers = [],
  nameServers = [],
  watchesMax = 100,
  environment = {}
}: PlatformOptions): Promise<Platform> => {
  const stops: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (const one of stops.splice(0).reverse()) await one()
  }
  const keep = <Part extends { stop: () => Promise<unknown> }>(part: Part): Part => {
    stops.push(part.stop)
    return part
  }
  try {
    const told = { onProgress, onSecret, allowedPorts, moreUsers, nameServers, watchesMax, environment }
    return { ...(await start({ directory, port, given, secretsFile, ...told, keep })), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

type Keep = <Part extends { stop: () => Promise<unknown> }>(part: Part) => Part
type Started = Required<Omit<PlatformOptions, 'port'>> & { port: number | undefined; keep: Keep }

const start = async (started: Started): Promise<Omit<Platform, 'stop'>> => {
  const { directory, port, given, onProgress, secretsFile, onSecret, allowedPorts, moreUsers, nameServers } = started
  const { watchesMax, environment, keep } = started
  mkdirSync(join(directory, 'logs'), { recursive: true, mode: 0o700 })
  const secrets = loadSecrets(secretsFile)
  const ports = await choosePorts(port)
  const publicUrl = `http://127.0.0.1:${ports.gateway}`

  for (const line of tellGiven(given)) onProgress(line)
  onProgress(`starting ${[...namesToStart(given), 'a demo IdP'].join(', ')} and two MCP servers`)
  const clients = [clientOf(publicUrl, secrets)]
  const [backing, idp, everything] = await Promise.all([
    startBacking({ directory, secrets, given, onProgress }).then(keep),
    startIdp({ port: ports.idp, clients, users: [...idpUsers, ...moreUsers], onSecret }).then(keep),
    startEverything({ port: ports.everything }).then(keep)
  ])
  const whoami = keep(await startWhoami({ issuer: idp.issuer, port: ports.whoami }))

  onProgress('migrating the four schemas')
  const allowed = [idp.port, whoami.port, everything.port, ...allowedPorts].map((one) => `127.0.0.1:${one}`)
  const environmentFor = (service: ServiceName) => ({
    ...backing.environmentFor(service),
    HOST: '127.0.0.1',
    PUBLIC_URL: publicUrl,
    TRUSTED_PROXIES: '127.0.0.1',
    MASTER_KEYS: secrets.masterKeys[service],
    EGRESS_ALLOW: allowed.join(','),
    INNER_PORT: String(ports.inner),
    LICENCE_STATE: 'active',
    TOOLS_WATCHES_MAX: String(watchesMax),
    ...(nameServers.length > 0 ? { DNS_SERVERS: nameServers.join(',') } : {}),
    ...environment
  })
  await Promise.all(serviceNames.map((service) => migrateService(service, environmentFor(service).DATABASE_URL)))
  const bootstrapped = await bootstrap(directory, idp.issuer, environmentFor('identity-broker'), secrets)

  onProgress('starting the four services and the gateway')
  const logDirectory = join(directory, 'logs')
  const begin = (service: ServiceName) =>
    startService(service, { environment: environmentFor(service), port: ports[service], logDirectory }).then(keep)
  const [broker, provider, invoker, device] = await Promise.all([
    begin('identity-broker'),
    begin('mcp-provider'),
    begin('tool-invoker'),
    begin('device-auth')
  ])
  const services = {
    'identity-broker': broker,
    'mcp-provider': provider,
    'tool-invoker': invoker,
    'device-auth': device
  }
  await startGateway({ directory, publicUrl, port: ports.gateway, services, onProgress, keep })
  return {
    publicUrl,
    innerUrl: `http://127.0.0.1:${ports.inner}`,
    secrets,
    ...bootstrapped,
    idp,
    whoami,
    everything,
    services,
    databaseUrl: backing.databaseUrl,
    directory,
    kill: async (service) => {
      const { pid, exited } = services[service]
      process.kill(pid, 'SIGKILL')
      await exited
    },
    revive: async (service) => {
      services[service] = await begin(service)
    }
  }
}

const names = ['gateway', ...serviceNames, 'inner', 'idp', 'whoami', 'everything'] as const

/** From the preferred one upwards, and any free one in place of those that are taken. */
const choosePorts = async (preferred: number | undefined): Promise<Record<(typeof names)[number], number>> => {
  const portOf = (index: number) => freePort(preferred === undefined ? undefined : preferred + index)
  const [gateway, ...others] = await Promise.all([0, 1, 2, 3, 4, 5, 6, 7, 8].map(portOf))
  const [broker, provider, invoker, device, inner, idp, whoami, everything] = others
  if (!gateway || !broker || !provider || !invoker || !device || !inner || !idp || !whoami || !everything)
    throw new Error('no free ports')
  return {
    gateway,
    'identity-broker': broker,
    'mcp-provider': provider,
    'tool-invoker': invoker,
    'device-auth': device,
    inner,
    idp,
    whoami,
    everything
  }
}

const clientOf = (publicUrl: string, { clientSecret }: PlatformSecrets) => ({
  client_id: 'onbehalf',
  client_secret: clientSecret,
  redirect_uris: ['acme', 'globex'].map((slug) => `${publicUrl}/auth/callback/${slug}/sso`),
  post_logout_redirect_uris: [`${publicUrl}/auth/signed-out`],
  backchannel_logout_uri: `${publicUrl}/auth/back-channel-logout/acme/sso`,
  backchannel_logout_session_required: true
})

const bootstrap = async (
  directory: string,
  issuer: string,
  environment: Record<string, string>,
  { clientSecret, apiKey, installationSecret }: PlatformSecrets
) => {
  const printed = await runService('identity-broker', ['bootstrap', writeBootstrapFile(directory, issuer)], {
    ...environment,
    DEMO_CLIENT_SECRET: clientSecret,
    DEMO_API_KEY: apiKey,
    DEMO_INSTALLATION_SECRET: installationSecret
  })
  const { tenants }: Bootstrapped = JSON.parse(printed)
  const [tenant] = tenants
  if (!tenant) throw new Error('the bootstrap file made no tenant')
  return { tenantId: tenant.id, userIds: Object.fromEntries(tenant.members.map(({ id, subject }) => [subject, id])) }
}

type Gateway = {
  directory: string
  publicUrl: string
  port: number
  services: Record<ServiceName, RunningService>
  onProgress: (line: string) => void
  keep: Keep
}

const startGateway = async ({ directory, publicUrl, port, services, onProgress, keep }: Gateway): Promise<void> => {
  const upstreams = perService((service) => new URL(services[service].url).host)
  const environment = Object.fromEntries(
    serviceNames.map((service) => [`${variablePrefix(service)}_UPSTREAM`, upstreams[service]])
  )
  keep(
    await startCaddy({
      configFile: inRepository('infra/gateway/Caddyfile'),
      environment: { ...environment, GATEWAY_ADDRESS: publicUrl, GATEWAY_FILES: inRepository('infra/gateway/public') },
      port,
      dataDirectory: join(directory, 'caddy'),
      logFile: join(directory, 'logs/caddy.log'),
      onProgress
    })
  )
}
