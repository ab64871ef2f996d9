import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { findUser } from '@onbehalf/contracts'
import { connectBus, serve } from '@onbehalf/rpc'
import { loadConfig } from '@onbehalf/service-kit'
import { loadSecrets, removePostgresDirectory, runService, startBacking, startRedis } from '@onbehalf/testkit'
import { variables } from '../../../services/device-auth/src/config.ts'
import { openResources } from '../../../services/device-auth/src/resources.ts'

const service = 'device-auth'
const [otherCore, measuredCore] = ['0', '1']

const pin = (pid: number, core: string) => {
  spawnSync('taskset', ['-acp', core, String(pid)])
}

/**
 * device-auth's own code in this process, which shares one core with Redis; Postgres and NATS have the other one.
 * identity-broker is played, and asked once in 30 s for each person.
 */
export const startRig = async () => {
  const directory = mkdtempSync('/var/tmp/onbehalf-bench-')
  mkdirSync(join(directory, 'logs'))
  pin(process.pid, otherCore)
  const secrets = loadSecrets(join(directory, 'secrets.json'))
  // Nothing is written to a disk: what the disk of the day does is not what is measured.
  const redis = await startRedis({ passwords: secrets.redisPasswords, logFile: join(directory, 'logs/redis.log') })
  const given = { redisUrl: redis.urlFor(service) }
  const backing = await startBacking({ directory, secrets, given, onProgress: () => {} })
  const publicUrl = 'http://127.0.0.1:4000'
  const environment = {
    ...backing.environmentFor(service),
    PUBLIC_URL: publicUrl,
    MASTER_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    LOG_LEVEL: 'error'
  }
  await runService(service, ['migrate'], environment)
  const busAs = (name: 'identity-broker' | 'tool-invoker') => {
    const { NATS_URL: url = '', NATS_USER: user = '', NATS_PASSWORD: password = '' } = backing.environmentFor(name)
    return connectBus({ url, user, password, service: name })
  }
  const [brokerBus, invokerBus] = await Promise.all([busAs('identity-broker'), busAs('tool-invoker')])
  const broker = serve(brokerBus, findUser, async ({ tenant_id, user_id }) => ({
    user: { id: user_id, email: null, name: 'Somebody' },
    role: 'member' as const,
    tenant: { id: tenant_id, name: 'A tenant' }
  }))
  await brokerBus.connection.flush()
  const resources = await openResources(loadConfig(variables, environment))
  // Hundreds at once on one core wait for each other; a service would rather give up.
  resources.redis.redis.options.commandTimeout = 10_000
  pin(process.pid, measuredCore)
  pin(redis.pid, measuredCore)
  return {
    ...{ resources, invokerBus, adminUrl: backing.databaseUrl },
    others: [{ name: 'Redis', pid: redis.pid }, ...backing.started],
    stop: async () => {
      await broker.stop()
      await resources.close()
      await Promise.all([brokerBus.drain(), invokerBus.drain()])
      await backing.stop()
      await redis.stop()
      removePostgresDirectory(join(directory, 'postgres'))
      rmSync(directory, { recursive: true, force: true })
    }
  }
}
