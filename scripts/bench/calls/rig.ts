import { join } from 'node:path'
import { freePort, type RunningProcess, runService } from '@onbehalf/testkit'
import { bundle } from '../../bundle/bundle.ts'
import { startBench, startBeside, startMeasured } from '../backing.ts'
import { askBy, type Figures, measure } from '../load.ts'
import { type Connections, openConnections } from './connections.ts'
import { playNeighbours } from './neighbours.ts'

const service = 'tool-invoker'
// On, and too high to be met.
const limit = '100000000'

export type Rig = Awaited<ReturnType<typeof startRig>>
export type Gateway = {
  pid: number
  origin: string
  /** Of Node's inspector, where it was asked for. */
  inspectorPort: number
  connections: Connections
  stop: () => Promise<void>
}
/** `onOrigin` is told where it will answer, right before it is started. */
type Starting = { isInspected?: boolean; onOrigin?: (origin: string) => void }
type Loading = { inFlight: number; seconds: number; warmUpSeconds?: number }

const loadOf = ({ inFlight, seconds, warmUpSeconds = 0 }: Loading) => ({
  ...{ inFlight, seconds },
  warmUp: { questions: Number.POSITIVE_INFINITY, secondsMax: warmUpSeconds }
})

const right = async (connections: Connections, request: string): Promise<void> => {
  const { status, body } = await connections.ask(request)
  if (status !== 200) throw new Error(`${status} ${body.toString().slice(0, 200)}`)
}

/**
 * tool-invoker as an image runs it, on a core of its own; Postgres, NATS, Redis, the other services (played), an MCP
 * server that echoes and the load share the other one. Its log, records and limits are on.
 */
export const startRig = async ({ peopleMax }: { peopleMax: number }) => {
  const bench = await startBench()
  const [main, tools, broker, provider, device] = await Promise.all([
    bundle(service, join(bench.directory, 'bundle')),
    startBeside('scripts/bench/calls/quick-tools.ts'),
    bench.busAs('identity-broker'),
    bench.busAs('mcp-provider'),
    bench.busAs('device-auth')
  ])
  const neighbours = await playNeighbours({ broker, provider, device }, { origin: tools.origin, peopleMax })
  const environment = {
    ...bench.backing.environmentFor(service),
    NODE_ENV: 'production',
    MASTER_KEYS: bench.secrets.masterKeys[service],
    EGRESS_ALLOW: new URL(tools.origin).host,
    PRINCIPAL_CALLS_PER_MINUTE: limit,
    TENANT_CALLS_PER_MINUTE: limit,
    PROVIDER_CALLS_PER_MINUTE: limit
  }
  await runService(service, ['migrate'], { ...environment, PUBLIC_URL: 'http://127.0.0.1:4000' })
  const logFile = join(bench.directory, 'logs/tool-invoker.log')
  const running = new Set<RunningProcess>()

  const startGateway = async ({ isInspected = false, onOrigin }: Starting = {}): Promise<Gateway> => {
    const [port, inspectorPort] = await Promise.all([freePort(), freePort()])
    const origin = `http://127.0.0.1:${port}`
    onOrigin?.(origin)
    const inspecting = isInspected ? [`--inspect=127.0.0.1:${inspectorPort}`] : []
    const started = await startMeasured({
      ...{ name: service, args: [...inspecting, main], port, logFile },
      environment: { ...environment, PUBLIC_URL: origin }
    })
    running.add(started)
    const connections = openConnections(origin)
    const stop = async () => {
      connections.close()
      await started.stop()
      running.delete(started)
    }
    return { pid: started.pid, origin, inspectorPort, connections, stop }
  }

  const direct = openConnections(tools.origin)
  const others = [{ name: 'MCP', pid: tools.pid }, ...bench.backing.started]
  return {
    ...{ neighbours, startGateway },
    /** What one call after the other to the gateway takes; `next` gives each its text. */
    measureGateway: ({ pid, connections }: Gateway, next: () => string, load: Loading): Promise<Figures> =>
      measure(
        pid,
        others,
        askBy(() => right(connections, next())),
        loadOf(load)
      ),
    /** The same load without a gateway. */
    measureDirect: (next: () => string, load: Loading): Promise<Figures> =>
      measure(
        tools.pid,
        others,
        askBy(() => right(direct, next())),
        loadOf(load)
      ),
    /** Makes each of the calls once, and tells when they were answered. */
    askEach: async ({ connections }: Gateway, texts: readonly string[], inFlight: number): Promise<number[]> => {
      const left = texts.values()
      const answeredAt: number[] = []
      const askSome = async () => {
        for (const text of left) {
          await right(connections, text)
          answeredAt.push(performance.now())
        }
      }
      await Promise.all(Array.from({ length: inFlight }, askSome))
      return answeredAt
    },
    stop: async () => {
      direct.close()
      await Promise.all([...running].map((one) => one.stop()))
      await neighbours.close()
      await Promise.all([broker.drain(), provider.drain(), device.drain()])
      tools.stop()
      await bench.stop()
    }
  }
}
