import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { serviceNames } from '@onbehalf/contracts'
import { inRepository, startBackends } from '@onbehalf/testkit'
import t from 'tap'
import { startBundle } from '../../scripts/bench/start-time.ts'

const backends = await startBackends(t)
for (const service of serviceNames) {
  t.test(`${service} starts from its bundle, is ready, and leaves`, async (t) => {
    const directory = join(backends.directory, service)
    const { status } = spawnSync(process.execPath, [inRepository('scripts/bundle.ts'), service, directory])
    t.equal(status, 0, 'bundled')
    const main = join(directory, 'main.mjs')
    const environment = {
      ...backends.environmentFor(service),
      PUBLIC_URL: 'http://127.0.0.1:4000',
      MASTER_KEYS: `k1:${randomBytes(32).toString('base64')}`
    }
    const { url, stop } = await startBundle(main, environment)
    const ready = await fetch(`${url}/readyz`)
    t.match([ready.status, await ready.json()], [200, { status: 'ready', degraded: [] }], 'with all of its servers')
    const described = await fetch(`${url}/openapi.json`)
    t.match(await described.json(), { info: { title: service } })
    t.equal(await stop(), 0, 'and leaves when it is told to')
  })
}

const run = (args: string[], { env = {}, options = [] }: { env?: Record<string, string>; options?: string[] } = {}) => {
  const main = join(backends.directory, 'device-auth', 'main.mjs')
  return spawnSync(process.execPath, [...options, main, ...args], { env, encoding: 'utf8', timeout: 120_000 })
}

t.test('a bundle says what is not configured, and takes the same arguments as the source', async (t) => {
  const unset = run([])
  t.equal(unset.status, 1)
  t.match(unset.stderr, /^device-auth: PUBLIC_URL: is not set/)
  const migrated = run(['migrate'], { env: backends.environmentFor('device-auth') })
  t.equal(migrated.stdout, 'nothing to migrate\n')
  t.equal(migrated.status, 0)
})

t.test('what V8 kept of a bundle is taken, and where it is not the bundle says so and runs', async (t) => {
  const said = /^service\.cache /m
  t.notMatch(run([]).stderr, said)
  const { stderr } = run([], { options: ['--no-opt'] })
  t.match(stderr, said)
  t.match(stderr, /^device-auth: PUBLIC_URL: is not set/m)
})
