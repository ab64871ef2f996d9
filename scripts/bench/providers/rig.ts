import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findTool, listTools, resolveProvider } from '@onbehalf/contracts'
import { call, connectBus } from '@onbehalf/rpc'
import { loadConfig } from '@onbehalf/service-kit'
import {
  freePort,
  inRepository,
  loadSecrets,
  playIdentityBroker,
  removePostgresDirectory,
  runService,
  startBacking,
  startProcess
} from '@onbehalf/testkit'
import { type Config, variables } from '../../../services/mcp-provider/src/config.ts'
import type { SeededProvider } from './seed.ts'

const service = 'mcp-provider'
const [loadCore, serviceCore] = ['0', '1']

/** What is asked of mcp-provider: with a ticket, of one of the seeded providers. */
export type Kind = 'provider.resolve' | 'tool.find' | 'tool.list' | 'tool.list of one'

/** mcp-provider from its sources on a core of its own; Postgres, NATS, an MCP server and the askers share the other one. */
export const startRig = async ({ profile }: { profile: string | undefined }) => {
  const directory = mkdtempSync('/var/tmp/onbehalf-bench-')
  mkdirSync(join(directory, 'logs'))
  spawnSync('taskset', ['-acp', loadCore, String(process.pid)])
  const secrets = loadSecrets(join(directory, 'secrets.json'))
  const backing = await startBacking({ directory, secrets, given: {}, onProgress: () => {} })
  const quick = spawn(process.execPath, [inRepository('scripts/bench/providers/quick-mcp.ts')], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const [origin] = await once(createInterface(quick.stdout), 'line')
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
  const profiling = profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : []
  const provider = await startProcess({
    name: service,
    command: 'taskset',
    args: ['-c', serviceCore, process.execPath, ...profiling, inRepository('services/mcp-provider/src/main.ts')],
    environment: { PATH: process.env.PATH, ...environment, PORT: String(port) },
    logFile: join(directory, 'logs/mcp-provider.log'),
    readySecondsMax: 60,
    isReady: async () => (await fetch(`${publicUrl}/readyz`)).ok
  })
  const busAs = (name: 'tool-invoker' | 'identity-broker') => {
    const { NATS_URL: url = '', NATS_USER: user = '', NATS_PASSWORD: password = '' } = backing.environmentFor(name)
    return connectBus({ url, user, password, service: name })
  }
  const [bus, brokerBus] = await Promise.all([busAs('tool-invoker'), busAs('identity-broker')])
  const broker = await playIdentityBroker(brokerBus, { publicUrl })
  const tenant_id = randomUUID()
  const config: Config = loadConfig(variables, environment)

  /** What asks about one of `providers` after the other, with a ticket made now. */
  const askerFor = async (kind: Kind, providers: readonly SeededProvider[]) => {
    const credential = { kind: 'session', id: randomUUID() } as const
    const user = { kind: 'user', tenant_id, user_id: randomUUID(), role: 'member', credential } as const
    const principal = await broker.ticketFor(user)
    let next = 0
    return () => {
      next = (next + 1) % providers.length
      const server_identifier = providers[next]?.server_identifier ?? ''
      const options = { deadlineAt: Date.now() + 20_000 }
      if (kind === 'provider.resolve') return call(bus, resolveProvider, { principal, server_identifier }, options)
      if (kind === 'tool.find') return call(bus, findTool, { principal, server_identifier, tool: 'tool-7' }, options)
      const some = kind === 'tool.list' ? {} : { server_identifiers: [server_identifier] }
      return call(bus, listTools, { principal, limit: 100, ...some }, options)
    }
  }

  return {
    ...{ tenant_id, origin: String(origin), config, pid: provider.pid, adminUrl: backing.databaseUrl, askerFor },
    others: [{ name: 'MCP', pid: quick.pid ?? 0 }, ...backing.started],
    stop: async () => {
      await provider.stop()
      await broker.close()
      await Promise.all([bus.drain(), brokerBus.drain()])
      quick.kill()
      await backing.stop()
      removePostgresDirectory(join(directory, 'postgres'))
      rmSync(directory, { recursive: true, force: true })
    }
  }
}
