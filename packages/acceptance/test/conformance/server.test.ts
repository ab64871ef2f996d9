import { execFile } from 'node:child_process'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { expectSame, signInAs, signInDevice, textAt } from '@onbehalf/acceptance'
import { freePort, inRepository, listen, people, recordSecrets, stopServer } from '@onbehalf/testkit'
import { startFixture } from '@onbehalf/testkit/mcp-servers'
import t from 'tap'
import { startTestPlatform } from '../platform.ts'

const run = promisify(execFile)
const suite = fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js'))

const port = await freePort()
const platform = await startTestPlatform(t, 'conformance-server', { allowedPorts: [port] })
const fixture = await startFixture({ port })
t.teardown(() => fixture.stop())
const owner = await signInAs(platform, people.owner.login)
const token = await signInDevice(platform, owner, 'conformance')
recordSecrets([token])
const icon = { icon: '🔧', icon_type: 'emoji', icon_background: '#fff' }
const forwarding = { forward_user_identity: true, identity_mode: 'signed' }
const provider = { name: 'Fixture', server_identifier: 'fixture', server_url: fixture.url, ...icon, ...forwarding }
const made = await owner.send('POST', '/v1/mcp-providers', provider)
expectSame(`registering the fixture (${JSON.stringify(made.body).slice(0, 300)})`, made.status, 201)
expectSame(
  'its tools',
  (await owner.send('POST', `/v1/mcp-providers/${textAt(made.body, 'id')}/refresh-tools`)).status,
  200
)

/**
 * The suite shows no credential, so this one does it for every request, and changes nothing else. It asks the service
 * itself: the suite tries names of hosts that the gateway does not have.
 */
const startShowing = async (): Promise<number> => {
  const server = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, authorization: `Bearer ${token}` }
    const { method } = incoming
    const onward = request(`${platform.services['tool-invoker'].url}${incoming.url}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      outgoing.flushHeaders()
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    outgoing.once('close', () => onward.destroy())
    incoming.pipe(onward)
  })
  const taken = await freePort()
  await listen(server, taken)
  t.teardown(() => stopServer(server))
  return taken
}
const shown = await startShowing()

for (const revision of ['2026-07-28', '2025-11-25'] as const)
  t.test(`the MCP conformance suite finds nothing wrong with a server: ${revision}`, async (t) => {
    const options = {
      '--url': `http://localhost:${shown}/mcp/fixture`,
      '--requirements': revision,
      '--output-dir': join(platform.directory, `conformance-server-${revision}`)
    }
    const command = [suite, 'server', ...Object.entries(options).flat()]
    const environment = { PATH: process.env.PATH }
    const ran = await run(process.execPath, command, {
      ...{ env: environment, cwd: inRepository('.'), timeout: 150_000 }
    }).catch((error: { stdout?: string; stderr?: string }) => ({ ...error, hasFailed: true }))
    const output = String(ran.stdout)
    t.notOk('hasFailed' in ran, output.slice(output.indexOf('=== SUMMARY')).slice(0, 6_000))
  })

const inspector = fileURLToPath(import.meta.resolve('@modelcontextprotocol/inspector-cli/build/index.js'))
const whole = fileURLToPath(new URL('inspector.fixture.ts', import.meta.url))
const authorization = `Bearer ${token}`

t.test('real clients of both eras list and call through the gateway with a device token', async (t) => {
  for (const mode of ['legacy', { pin: '2026-07-28' }, 'auto'] as const)
    for (const [path, name] of [
      ['/mcp/fixture', 'test_simple_text'],
      ['/mcp', 'fixture__test_simple_text']
    ] as const) {
      const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
      const url = new URL(`${platform.publicUrl}${path}`)
      await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers: { authorization } } }))
      const { tools } = await client.listTools()
      t.ok(
        tools.some((tool) => tool.name === name),
        `${JSON.stringify(mode)} lists at ${path}`
      )
      t.match(await client.callTool({ name }), { content: [{ text: /simple text/ }] })
      await client.close()
    }
})

t.test('mcp-inspector --cli lists and calls through the gateway with a device token', async (t) => {
  const ask = async (...what: string[]): Promise<Record<string, unknown>> => {
    const where = ['--import', whole, inspector, `${platform.publicUrl}/mcp/fixture`, '--transport', 'http']
    const command = [...where, ...what, '--header', `Authorization: ${authorization}`]
    const options = { env: { PATH: process.env.PATH }, cwd: inRepository('.'), timeout: 60_000 }
    return JSON.parse((await run(process.execPath, command, options)).stdout)
  }
  t.match(JSON.stringify(await ask('--method', 'tools/list')), 'test_simple_text')
  t.match(await ask('--method', 'tools/call', '--tool-name', 'test_simple_text'), {
    content: [{ text: /simple text/ }]
  })
  t.match(JSON.stringify(await ask('--method', 'prompts/list')), 'test_simple_prompt')
})
