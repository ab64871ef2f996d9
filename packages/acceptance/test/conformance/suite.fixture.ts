import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { signInAs, textAt } from '@onbehalf/acceptance'
import { freePort, inRepository, people } from '@onbehalf/testkit'
import t from 'tap'
import { startTestPlatform } from '../platform.ts'

/*
 * Run by `npm run conformance` and last by .ci/run, and not among the tests: the suite's own limits of time do not hold
 * beside them.
 */

const run = promisify(execFile)
const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const suite = fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js'))

const revisions = ['2026-07-28', '2025-11-25']
const portsPerRevision = 150
// All of the suite's scenarios wait for their turn from the beginning, and the last one's has to come.
const scenarioMs = 300_000

/** Ports that nobody listens on, and that `freePort` gives to nobody. */
const findPorts = async (count: number): Promise<number[]> => {
  const first = 10_000 + randomInt(30) * count
  const ports = Array.from({ length: count }, (_, index) => first + index)
  for (const port of ports) if ((await freePort(port)) !== port) return findPorts(count)
  return ports
}
const allowedPorts = await findPorts(portsPerRevision * revisions.length)

const platform = await startTestPlatform(t, 'conformance', { allowedPorts })
const { publicUrl } = platform

for (const [index, revision] of revisions.entries())
  t.test(`the MCP conformance suite finds nothing but what is expected of a client: ${revision}`, async (t) => {
    const owner = await signInAs(platform, people.owner.login)
    const first = (allowedPorts[0] ?? 0) + index * portsPerRevision
    const options = {
      '--command': `${process.execPath} ${beside('client.fixture.ts')}`,
      '--requirements': revision,
      '--timeout': String(scenarioMs),
      '--expected-failures': beside('expected-failures.yaml'),
      '--output-dir': join(platform.directory, `conformance-${revision}`)
    }
    const environment = {
      ...{ PATH: process.env.PATH, PLATFORM_URL: publicUrl },
      PLATFORM_CSRF: textAt((await owner.send('GET', '/auth/me')).body, 'csrf'),
      PLATFORM_COOKIE: owner.browser.cookies.header(new URL(publicUrl)),
      CONFORMANCE_PLACES: join(platform.directory, `place-${index}`),
      CONFORMANCE_PORTS: `${first}-${first + portsPerRevision - 1}`
    }
    const command = ['--import', beside('ports.fixture.ts'), suite, 'client', ...Object.entries(options).flat()]
    const ran = await run(process.execPath, command, {
      env: environment,
      cwd: inRepository('.'),
      timeout: scenarioMs + 60_000
    }).catch((error: { stdout?: string; stderr?: string }) => ({ ...error, hasFailed: true }))
    const output = String(ran.stdout)
    t.notOk('hasFailed' in ran, output.slice(output.indexOf('=== SUITE SUMMARY')).slice(0, 6_000))
  })
