import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { freePort } from '../servers/free-port.ts'
import { startProcess } from '../servers/process.ts'

export type Everything = { url: string; port: number; pid: number; stop: () => Promise<void> }

const script = fileURLToPath(
  import.meta.resolve('@modelcontextprotocol/server-everything/dist/transports/streamableHttp.js')
)
const loopbackOnly = new URL('loopback-only.ts', import.meta.url).href

/** Starts the public reference server over Streamable HTTP (legacy revisions, with sessions), on loopback only. */
export const startEverything = async ({ port: preferred }: { port?: number } = {}): Promise<Everything> => {
  const directory = await mkdtemp(join(tmpdir(), 'onbehalf-everything-'))
  const port = await freePort(preferred)
  const url = `http://127.0.0.1:${port}/mcp`
  const { pid, stop } = await startProcess({
    name: 'server-everything',
    command: process.execPath,
    args: ['--import', loopbackOnly, script],
    environment: { PATH: process.env.PATH, PORT: String(port) },
    logFile: join(directory, 'log'),
    isReady: async () => {
      const { statusCode, body } = await request(url)
      await body.dump()
      return statusCode === 400
    }
  })
  const stopAll = async () => {
    await stop()
    await rm(directory, { recursive: true, force: true })
  }
  return { url, port, pid, stop: stopAll }
}
