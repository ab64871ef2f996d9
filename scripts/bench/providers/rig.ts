import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { findTool, listTools, resolveProvider } from '@onbehalf/contracts'
import type { CallContract } from '@onbehalf/rpc'
import { loadConfig } from '@onbehalf/service-kit'
import { freePort, playIdentityBroker, runService } from '@onbehalf/testkit'
import { type Config, variables } from '../../../services/mcp-provider/src/config.ts'
import { fromSources, startBench, startBeside, startMeasured } from '../backing.ts'
import { openRawClient, questionOf } from '../raw-client.ts'
import type { SeededProvider } from './seed.ts'

const service = 'mcp-provider'

/** What is asked of mcp-provider: with a ticket, of one of the seeded providers. */
export type Kind = 'provider.resolve' | 'tool.find' | 'tool.list' | 'tool.list of one'

const questions: Record<Kind, (server_identifier: string) => { contract: CallContract; body: object }> = {
  'provider.resolve': (server_identifier) => ({ contract: resolveProvider, body: { server_identifier } }),
  'tool.find': (server_identifier) => ({ contract: findTool, body: { server_identifier, tool: 'tool-7' } }),
  'tool.list': () => ({ contract: listTools, body: { limit: 100 } }),
  'tool.list of one': (server_identifier) => ({
    contract: listTools,
    body: { limit: 100, server_identifiers: [server_identifier] }
  })
}

/** mcp-provider from its sources on a core of its own; Postgres, NATS, an MCP server and the askers share the other one. */
export const startRig = async ({ profile }: { profile: string | undefined }) => {
  const bench = await startBench()
  const { directory, secrets, backing } = bench
  const quick = await startBeside('scripts/bench/providers/quick-mcp.ts')
  const { origin } = quick
  const port = await freePort()
  const publicUrl = `http://127.0.0.1:${port}`
  const environment = {
    ...backing.environmentFor(service),
    PUBLIC_URL: publicUrl,
    MASTER_KEYS: secrets.masterKeys[service],
    EGRESS_ALLOW: new URL(origin).host,
    TOOLS_REFRESH_SECONDS: '300',
    LOG_LEVEL: 'error'
  }
  await runService(service, ['migrate'], environment)
  const logFile = join(directory, 'logs/mcp-provider.log')
  const provider = await startMeasured({
    name: service,
    args: fromSources(service, profile),
    environment,
    port,
    logFile
  })
  const asker = 'tool-invoker'
  const client = await openRawClient({ ...bench.placeOf(asker), asker, owner: service })
  const brokerBus = await bench.busAs('identity-broker')
  const broker = await playIdentityBroker(brokerBus, { publicUrl })
  const tenant_id = randomUUID()
  const config: Config = loadConfig(variables, environment)

  /** What asks about one of `providers` after the other, with a ticket made now. */
  const askerFor = async (kind: Kind, providers: readonly SeededProvider[]) => {
    const credential = { kind: 'session', id: randomUUID() } as const
    const user = { kind: 'user', tenant_id, user_id: randomUUID(), role: 'member', credential } as const
    const principal = await broker.ticketFor(user)
    return client.askerOf(
      providers.map(({ server_identifier }) => {
        const { contract, body } = questions[kind](server_identifier)
        return questionOf(contract.subject, { principal, ...body })
      })
    )
  }

  return {
    ...{ tenant_id, origin, config, pid: provider.pid, adminUrl: backing.databaseUrl, askerFor },
    others: [{ name: 'MCP', pid: quick.pid }, ...backing.started],
    stop: async () => {
      await provider.stop()
      await broker.close()
      client.close()
      await brokerBus.drain()
      quick.stop()
      await bench.stop()
    }
  }
}
