import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { issueToken, principalTicket } from '@onbehalf/contracts'
import { signTicket } from '@onbehalf/rpc'
import { loadConfig, openPostgres, openSigningKeys, openVault } from '@onbehalf/service-kit'
import { freePort, playMcpProvider, runService } from '@onbehalf/testkit'
import { type Config, variables } from '../../../services/identity-broker/src/config.ts'
import type { Database } from '../../../services/identity-broker/src/database.ts'
import { fromSources, startBench, startBeside, startMeasured } from '../backing.ts'
import { openRawClient, questionOf } from '../raw-client.ts'

const service = 'identity-broker'
/** What docker-compose.yml gives it as NODE_OPTIONS. */
export const nodeOptions = '--max-semi-space-size=16'

/** What is asked for: at which server, in which mode, and what it refused before, if it did. */
type Want = { audience: string; mode: string; rejected_token_hash?: string }

/** One that answers at once and knows nobody, and that of the demo, with its people. */
const idps = { quick: 'scripts/bench/mints/quick-idp.ts', demo: 'scripts/bench/mints/demo-idp.ts' }
type IdpName = keyof typeof idps
export const isIdpName = (name: string): name is IdpName => name in idps

export type Rig = Awaited<ReturnType<typeof startRig>>

/** How many people the demo's IdP has: with fewer than askers they would wait for each other. */
export const demoPeople = 65

type Options = { profile: string | undefined; idpName?: IdpName }

/**
 * identity-broker from its sources on a core of its own; everything else (Postgres, NATS, Redis, an IdP, the askers)
 * shares the other one. `profile`: a directory for a CPU profile of it.
 */
export const startRig = async ({ profile, idpName = 'quick' }: Options) => {
  const bench = await startBench()
  const { directory, secrets, backing } = bench
  const port = await freePort()
  const publicUrl = `http://127.0.0.1:${port}`
  const idp = await startBeside(idps[idpName], [`${publicUrl}/auth/callback/acme/sso`, String(demoPeople)])
  const issuer = idp.origin
  const environment = {
    ...backing.environmentFor(service),
    PUBLIC_URL: publicUrl,
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
    scopes: 'openid offline_access'
  }
  writeFileSync(
    file,
    JSON.stringify({ tenants: [{ slug: 'acme', name: 'Acme', connections: [connection], members: [] }] })
  )
  const { tenants } = JSON.parse(await runService(service, ['bootstrap', file], environment))
  const tenant_id: string = tenants[0].id
  const logFile = join(directory, 'logs/identity-broker.log')
  const args = [nodeOptions, ...fromSources(service, profile)]
  const broker = await startMeasured({ name: service, args, environment, port, logFile })
  const asker = 'tool-invoker'
  const client = await openRawClient({ ...bench.placeOf(asker), asker, owner: service })
  const providerBus = await bench.busAs('mcp-provider')
  const mcpProvider = await playMcpProvider(providerBus)
  const config: Config = loadConfig(variables, environment)
  const { db, close } = await openPostgres<Database>(config.DATABASE_URL)
  const vault = await openVault(db, config.MASTER_KEYS)
  const ticketKeys = await openSigningKeys(db, vault, { purpose: 'ticket', rotateDays: config.SIGNING_KEY_DAYS })
  ticketKeys.close()
  await close()

  const register = (audience: string, mode: string) => mcpProvider.register({ server_url: audience, tenant_id, mode })

  /** What asks for a token for one of `people` after the other, with tickets made beforehand. */
  const askerFor = async (people: readonly string[], { audience, mode, ...refused }: Want) => {
    const provider = await mcpProvider.ticketFor(register(audience, mode))
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
    ...{ idpName, tenant_id, issuer, config, pid: broker.pid, adminUrl: backing.databaseUrl, register, askerFor },
    others: [{ name: 'IdP', pid: idp.pid }, ...backing.started],
    stop: async () => {
      await broker.stop()
      await mcpProvider.close()
      client.close()
      await providerBus.drain()
      idp.stop()
      await bench.stop()
    }
  }
}
