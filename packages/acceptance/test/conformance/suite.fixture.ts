import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { signInAs, textAt } from '@onbehalf/acceptance'
import { inRepository, people } from '@onbehalf/testkit'
import t from 'tap'
import { startTestPlatform } from '../platform.ts'

/*
 * Run by `npm run conformance`, and not among the tests: the suite's own limits of time do not hold beside them.
 */

const run = promisify(execFile)
const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const suite = fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js'))

const revisions = ['2026-07-28', '2025-11-25']
const portsPerRevision = 150
const firstPort = 20_000 + Math.floor(Math.random() * 30) * portsPerRevision * revisions.length
const allowedPorts = Array.from({ length: portsPerRevision * revisions.length }, (_, index) => firstPort + index)

const platform = await startTestPlatform(t, 'conformance', { allowedPorts })
const owner = await signInAs(platform, people.owner.login)
const { publicUrl } = platform
const csrf = textAt((await owner.send('GET', '/auth/me')).body, 'csrf')

for (const [index, revision] of revisions.entries())
  t.test(`the MCP conformance suite finds nothing but what is expected of a client: ${revision}`, async (t) => {
    const first = firstPort + index * portsPerRevision
    const options = {
      '--command': `${process.execPath} ${beside('client.fixture.ts')}`,
      '--requirements': revision,
      '--timeout': '90000',
      '--expected-failures': beside('expected-failures.yaml'),
      '--output-dir': join(platform.directory, `conformance-${revision}`)
    }
    const environment = {
      ...{ PATH: process.env.PATH, PLATFORM_URL: publicUrl, PLATFORM_CSRF: csrf },
      PLATFORM_COOKIE: owner.browser.cookies.header(new URL(publicUrl)),
      CONFORMANCE_PLACES: join(platform.directory, `place-${index}`),
      CONFORMANCE_PORTS: `${first}-${first + portsPerRevision - 1}`
    }
    const command = ['--import', beside('ports.fixture.ts'), suite, 'client', ...Object.entries(options).flat()]
    const ran = await run(process.execPath, command, {
      env: environment,
      cwd: inRepository('.'),
      timeout: 240_000
    }).catch((error: { stdout?: string; stderr?: string }) => ({ ...error, hasFailed: true }))
    const output = String(ran.stdout)
    t.notOk('hasFailed' in ran, output.slice(output.indexOf('=== SUITE SUMMARY')).slice(0, 6_000))
  })
