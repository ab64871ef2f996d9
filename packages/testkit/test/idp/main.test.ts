import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { alice, client } from './relying-party.ts'

const start = async (test: Test, file: string, environment: Record<string, string>) => {
  const path = fileURLToPath(new URL(`../../src/${file}`, import.meta.url))
  const child = spawn(process.execPath, [path], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  test.teardown(() => child.kill('SIGKILL'))
  const [line] = await once(child.stdout, 'data')
  return { child, told: JSON.parse(String(line)) }
}

t.test('the IdP and whoami run as processes, say where they are, and end when asked', async (t) => {
  const config = JSON.stringify({ clients: [client], users: [alice] })
  const idp = await start(t, 'idp/main.ts', { IDP_CONFIG: config })
  t.match(idp.told, { issuer: `http://127.0.0.1:${idp.told.port}`, port: Number })
  const log = await fetch(`${idp.told.issuer}/_log`)
  t.match(await log.json(), { refreshes_by_user: {} })

  const whoami = await start(t, 'mcp-servers/main.ts', { ISSUER: idp.told.issuer, URL: 'http://gateway.example/mcp' })
  t.match(whoami.told, { url: 'http://gateway.example/mcp', port: Number })
  t.same(await (await fetch(`http://127.0.0.1:${whoami.told.port}/_log`)).json(), [])

  for (const { child } of [whoami, idp]) {
    child.kill('SIGTERM')
    t.same(await once(child, 'exit'), [0, null])
  }
})
