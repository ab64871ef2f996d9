import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { issueToken, principalTicket } from '@onbehalf/contracts'
import { connectBus, signTicket } from '@onbehalf/rpc'
import { loadConfig, openPostgres, openSigningKeys, openVault } from '@onbehalf/service-kit'
import {
  freePort,
  inRepository,
  loadSecrets,
  playMcpProvider,
  removePostgresDirectory,
  runService,
  startBacking,
  startProcess
} from '@onbehalf/testkit'
import { type Config, variables } from '../../../services/identity-broker/src/config.ts'
import type { Database } from '../../../services/identity-broker/src/database.ts'
import { openRawClient, questionOf } from './raw-client.ts'

const service = 'identity-broker'
const [loadCore, brokerCore] = ['0', '1']

/** What is asked for: at which server, in which mode, and what it refused before, if it did. */
type Want = { audience: string; mode: string; rejected_token_hash?: string }

/**
 * identity-broker from its sources on a core of its own; everything else (Postgres, NATS, Redis, an IdP that answers at
 * once, the askers) shares the other one. `profile`: a directory for a CPU profile of it.
 */
export const startRig = async ({ profile }: { profile: string | undefined }) => {
  const directory = mkdtempSync('/var/tmp/onbehalf-bench-')
  mkdirSync(join(directory, 'logs'))
  spawnSync('taskset', ['-acp', loadCore, String(process.pid)])
  const secrets = loadSecrets(join(directory, 'secrets.json'))
  const backing = await startBacking({ directory, secrets, given: {}, onProgress: () => {} })
  const idp = spawn(process.execPath, [inRepository('scripts/bench/mints/quick-idp.ts')], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const [issuer] = await once(createInterface(idp.stdout), 'line')
  const port = await freePort()
  const environment = {
    ...backing.environmentFor(service),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    MASTER_KEYS: secrets.masterKeys[service],
    EGRESS_ALLOW: new URL(issuer).host,
    LOG_LEVEL: 'error'
  }
  await runService(service, ['migrate'], environment)
  const file = join(directory, 'bootstrap.json')
  const connection = {
    name: 'sso',
    issuer,
    client_id: 'onbehalf',
    client_authentication: 'none',
    resource_support: 'many',
    scopes: 'openid'
  }
  writeFileSync(
    file,
    JSON.stringify({ tenants: [{ slug: 'acme', name: 'Acme', connections: [connection], members: [] }] })
  )
  const { tenants } = JSON.parse(await runService(service, ['bootstrap', file], environment))
  const tenant_id: string = tenants[0].id
  const profiling = profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : []
  const broker = await startProcess({
    name: service,
    command: 'taskset',
    args: ['-c', brokerCore, process.execPath, ...profiling, inRepository('services/identity-broker/src/main.ts')],
    environment: { PATH: process.env.PATH, ...environment, PORT: String(port) },
    logFile: join(directory, 'logs/identity-broker.log'),
    readySecondsMax: 60,
    // A profile is written at the end.
    stopSecondsMax: 60,
    isReady: async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok
  })
  const placeOf = (name: 'tool-invoker' | 'mcp-provider') => {
    const { NATS_URL: url = '', NATS_USER: user = '', NATS_PASSWORD: password = '' } = backing.environmentFor(name)
    return { url, user, password }
  }
  const asker = 'tool-invoker'
  const client = await openRawClient({ ...placeOf(asker), asker, owner: service })
  const providerBus = await connectBus({ ...placeOf('mcp-provider'), service: 'mcp-provider' })
  const mcpProvider = await playMcpProvider(providerBus)
  const config: Config = loadConfig(variables, environment)
  const { db, close } = await openPostgres<Database>(config.DATABASE_URL)
  const vault = await openVault(db, config.MASTER_KEYS)
  const ticketKeys = await openSigningKeys(db, vault, { purpose: 'ticket', rotateDays: config.SIGNING_KEY_DAYS })
  ticketKeys.close()
  await close()

  /** What asks for a token for one of `people` after the other, with tickets made beforehand. */
  const askerFor = async (people: readonly string[], { audience, mode, ...refused }: Want) => {
    const settings = mcpProvider.register({ server_url: audience, tenant_id, mode })
    const provider = await mcpProvider.ticketFor(settings)
    const tickets = await Promise.all(
      people.map(async (user_id) => {
        const credential = { kind: 'session', id: randomUUID() } as const
        const claims = { kind: 'user', tenant_id, user_id, role: null, credential } as const
        return (await signTicket(principalTicket, claims, { issuer: service, key: ticketKeys.signingKey() })).ticket
      })
    )
    const binding = mode === 'signed' ? { call: { tool: 'whoami', arguments_digest: 'A'.repeat(43) } } : {}
    return client.askerOf(
      tickets.map((principal) => questionOf(issueToken.subject, { principal, provider, ...refused, ...binding }))
    )
  }

  return {
    ...{ tenant_id, issuer: String(issuer), config, pid: broker.pid, adminUrl: backing.databaseUrl, askerFor },
    others: [{ name: 'IdP', pid: idp.pid ?? 0 }, ...backing.started],
    stop: async () => {
      await broker.stop()
      await mcpProvider.close()
      client.close()
      await providerBus.drain()
      idp.kill()
      await backing.stop()
      removePostgresDirectory(join(directory, 'postgres'))
      rmSync(directory, { recursive: true, force: true })
    }
  }
}
