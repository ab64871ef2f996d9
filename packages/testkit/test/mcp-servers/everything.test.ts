import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import t from 'tap'
import { isAlive, startEverything, until } from '../../src/index.ts'

const canConnect = async (host: string, port: number): Promise<boolean> => {
  const socket = connect({ host, port, timeout: 1_000 })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

t.test('it listens on 127.0.0.1 and nowhere else, and stops when told', async (t) => {
  const { url, port, pid, stop } = await startEverything()
  t.match(url, /^http:\/\/127\.0\.0\.1:\d+\/mcp$/)
  t.ok(await canConnect('127.0.0.1', port))
  t.notOk(await canConnect('::1', port))
  const others = Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.filter(({ internal, family }) => !internal && family === 'IPv4')
  )
  for (const { address } of others) t.notOk(await canConnect(address, port), 'not on an outer address')
  await stop()
  t.notOk(isAlive(pid))
})

t.test('it dies with the process that started it, also when that one is killed', async (t) => {
  const starter = `
    import { startEverything } from ${JSON.stringify(new URL('../../src/mcp-servers/index.ts', import.meta.url).href)}
    const { pid } = await startEverything()
    console.log(pid)
    setInterval(() => {}, 1000)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', starter], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const [line] = await once(parent.stdout, 'data')
  const pid = Number(line)
  t.ok(isAlive(pid))
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  await t.resolves(until(() => !isAlive(pid)))
})
