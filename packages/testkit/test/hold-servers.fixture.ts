// Starts every server, says which processes they are, and waits to be killed.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { perService, randomPassword, startCaddy, startNats, startPostgres, startRedis } from '../src/index.ts'
import { watchFromPipe } from '../src/servers/die-with-parent.ts'
import { freePort } from '../src/servers/free-port.ts'

const [directory = '', natsConfigFile = '', caddyConfigFile = ''] = process.argv.slice(2)
const log = (name: string) => join(directory, `${name}.log`)
const passwords = perService(randomPassword)
const port = await freePort()

const servers = await Promise.all([
  startPostgres({ dataDirectory: join(directory, 'postgres'), logFile: log('postgres'), fsync: false }),
  startRedis({ passwords, logFile: log('redis') }),
  startNats({
    configFile: natsConfigFile,
    environment: {
      IDENTITY_BROKER_NATS_PASSWORD: randomPassword(),
      MCP_PROVIDER_NATS_PASSWORD: randomPassword(),
      TOOL_INVOKER_NATS_PASSWORD: randomPassword(),
      DEVICE_AUTH_NATS_PASSWORD: randomPassword()
    },
    logFile: log('nats')
  }),
  startCaddy({
    configFile: caddyConfigFile,
    environment: { PORT: String(port) },
    port,
    dataDirectory: join(directory, 'caddy'),
    logFile: log('caddy')
  })
])
// The way of macOS, which has no death signal: it works anywhere.
const watched = spawn('sleep', ['600'], { stdio: 'ignore', detached: true })
watchFromPipe(watched, 'SIGTERM')

process.once('message', async () => {
  await Promise.all(servers.map((server) => server.stop()))
  watched.kill()
  process.disconnect()
})
process.send?.([...servers.map(({ pid }) => pid), watched.pid])
