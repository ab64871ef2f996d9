import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { findUser } from '@onbehalf/contracts'
import { serve } from '@onbehalf/rpc'
import { loadConfig, openRedis } from '@onbehalf/service-kit'
import { runService, startRedis } from '@onbehalf/testkit'
import { variables } from '../../../services/device-auth/src/config.ts'
import { openResources } from '../../../services/device-auth/src/resources.ts'
import { makePlace, measuredCore, pin, startBench } from '../backing.ts'

const service = 'device-auth'

/**
 * device-auth's own code in this process, which shares one core with Redis; Postgres and NATS have the other one.
 * identity-broker is played, and asked once in 30 s for each person.
 */
export const startRig = async () => {
  const place = makePlace()
  // Nothing is written to a disk: what the disk of the day does is not what is measured.
  const logFile = join(place.directory, 'logs/redis.log')
  const redis = await startRedis({ passwords: place.secrets.redisPasswords, logFile })
  const bench = await startBench({ place, given: { redisUrl: redis.urlFor(service) } })
  const { backing } = bench
  const publicUrl = 'http://127.0.0.1:4000'
  const environment = {
    ...backing.environmentFor(service),
    PUBLIC_URL: publicUrl,
    MASTER_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    LOG_LEVEL: 'error'
  }
  await runService(service, ['migrate'], environment)
  const [brokerBus, invokerBus] = await Promise.all([bench.busAs('identity-broker'), bench.busAs('tool-invoker')])
  const broker = serve(brokerBus, findUser, async ({ tenant_id, user_id }) => ({
    user: { id: user_id, email: null, name: 'Somebody' },
    role: 'member' as const,
    tenant: { id: tenant_id, name: 'A tenant' }
  }))
  await brokerBus.connection.flush()
  const opened = await openResources(loadConfig(variables, environment))
  // Hundreds at once on one core wait for each other; a service would rather give up.
  const patient = await openRedis(redis.urlFor(service), { commandMs: 10_000 })
  const resources = { ...opened, redis: patient }
  pin(process.pid, measuredCore)
  pin(redis.pid, measuredCore)
  return {
    ...{ resources, invokerBus, adminUrl: backing.databaseUrl },
    others: [{ name: 'Redis', pid: redis.pid }, ...backing.started],
    stop: async () => {
      await broker.stop()
      await Promise.all([opened.close(), patient.close()])
      await Promise.all([brokerBus.drain(), invokerBus.drain()])
      await redis.stop()
      await bench.stop()
    }
  }
}
