import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serviceNames } from '@onbehalf/contracts'
import { loadConfig, type Variables } from '@onbehalf/service-kit'
import { inRepository } from '@onbehalf/testkit'
import t from 'tap'
import { nodeOptions } from '../../scripts/bench/mints/rig.ts'
import { type Container, networksOf, readCompose, readEnvironmentFile, stays } from './compose.ts'

const directory = mkdtempSync(join(tmpdir(), 'onbehalf-compose-'))
t.teardown(() => rmSync(directory, { recursive: true }))
mkdirSync(join(directory, 'scripts'))
for (const path of ['docker-compose.yml', 'scripts/compose-secrets.ts'])
  copyFileSync(inRepository(path), join(directory, path))

const script = join(directory, 'scripts/compose-secrets.ts')
const environmentFile = join(directory, '.env')
execFileSync(process.execPath, [script, 'https://onbehalf.test'])
/** Node's own variable. */
const nodes = 'NODE_OPTIONS'
const env = readEnvironmentFile(readFileSync(environmentFile, 'utf8'))
const compose = readCompose(env)

const containerOf = (name: string, { services } = compose): Container => {
  const container = services[name]
  if (!container) throw new Error(`docker-compose.yml has no ${name}`)
  return container
}
const textsOf = ({ environment = {} }: Container): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, String(value)]))

const variablesOf = async (service: string): Promise<Variables> => {
  const { variables }: { variables: Variables } = await import(`../../services/${service}/src/config.ts`)
  return variables
}

t.test('each service is given every variable it must have, none it does not know, and values it accepts', async (t) => {
  for (const service of serviceNames) {
    const variables = await variablesOf(service)
    const given = textsOf(containerOf(service))
    const unknown = Object.keys(given).filter((name) => !(name in variables || name === nodes))
    t.strictSame(unknown, [], `${service} reads all it is given`)
    t.doesNotThrow(() => loadConfig(variables, given), `${service} starts with it`)
  }
})

t.test('identity-broker runs in the memory that it is measured in', async (t) => {
  t.equal(textsOf(containerOf('identity-broker'))[nodes], nodeOptions)
})

t.test('a migration is given the database of its service and nothing else', async (t) => {
  for (const service of serviceNames) {
    const { DATABASE_URL } = textsOf(containerOf(service))
    const migrate = containerOf(`${service}-migrate`)
    t.strictSame(textsOf(migrate), { DATABASE_URL }, service)
    t.strictSame(migrate.command, ['migrate'])
    t.equal(migrate.image, containerOf(service).image)
  }
})

t.test('the bootstrap runs with what identity-broker runs with', async (t) => {
  const bootstrap = containerOf('bootstrap')
  t.strictSame(textsOf(bootstrap), textsOf(containerOf('identity-broker')))
  t.equal(bootstrap.image, containerOf('identity-broker').image)
})

t.test('the gateway leads to the ports the services listen on', async (t) => {
  const upstreams = textsOf(containerOf('gateway'))
  for (const service of serviceNames) {
    const { PORT } = textsOf(containerOf(service))
    t.equal(upstreams[`${service.toUpperCase().replaceAll('-', '_')}_UPSTREAM`], `${service}:${PORT}`)
    t.equal(PORT, (await variablesOf(service)).PORT?.defaultText, 'which is the usual one')
  }
})

t.test('the gateway is given every variable its Caddyfile refers to', async (t) => {
  const caddyfile = readFileSync(inRepository('infra/gateway/Caddyfile'), 'utf8')
  const wanted = [...caddyfile.matchAll(/\{\$([A-Z_]+)(?::[^}]*)?\}/g)].map(([, name]) => name)
  t.strictSame(Object.keys(textsOf(containerOf('gateway'))).sort(), [...new Set(wanted)].sort())
})

t.test('nobody runs as root, gains rights or writes to its image', async (t) => {
  for (const [name, container] of Object.entries(compose.services)) {
    t.match(container.user, /^[1-9]\d*:[1-9]\d*$/, `${name} is a numbered user`)
    t.strictSame(container.cap_drop, ['ALL'], `${name} drops every capability`)
    t.strictSame(container.cap_add, name === 'gateway' ? ['NET_BIND_SERVICE'] : undefined, name)
    t.strictSame(container.security_opt, ['no-new-privileges:true'], name)
    t.equal(container.read_only, true, `${name} is read-only`)
    t.notOk(container.privileged, name)
  }
})

t.test('only the gateway is reached from outside, and the data only by services', async (t) => {
  const withPorts = Object.entries(compose.services).filter(([, { ports }]) => ports)
  t.strictSame(
    withPorts.map(([name]) => name),
    ['gateway']
  )
  t.strictSame(networksOf(containerOf('gateway')).sort(), ['front', 'web'])
  for (const name of ['postgres', 'nats', 'redis', 'provision']) t.strictSame(networksOf(containerOf(name)), ['data'])
  t.equal(compose.networks.data?.internal, true)
  t.equal(compose.networks.web?.internal, true)
})

t.test('who calls addresses that people name gets out, and is told which inner ones it may call', async (t) => {
  for (const service of serviceNames) {
    const isCalling = 'EGRESS_ALLOW' in (await variablesOf(service))
    t.equal(networksOf(containerOf(service)).includes('out'), isCalling, service)
    t.equal('EGRESS_ALLOW' in textsOf(containerOf(service)), isCalling, service)
  }
})

t.test('what compose leaves out of a variable, a file of the service may say', (t) => {
  for (const service of serviceNames)
    t.strictSame(containerOf(service).env_file, [{ path: `${service}.env`, required: false }])
  t.end()
})

t.test('who is in front of the gateway is believed by the gateway and by every service', (t) => {
  const behind = readCompose({ ...env, OUTER_PROXY: '192.0.2.7' })
  t.equal(textsOf(containerOf('gateway', behind)).GATEWAY_TRUSTED_PROXIES, '192.0.2.7')
  for (const service of serviceNames)
    t.equal(textsOf(containerOf(service, behind)).TRUSTED_PROXIES, '172.31.240.10,192.0.2.7')
  t.end()
})

t.test('everything that stays says whether it is well', async (t) => {
  const without = Object.entries(compose.services).filter(([, one]) => stays(one) && !one.healthcheck?.test)
  t.strictSame(without, [])
})

t.test('every secret is made anew, kept from others and never overwritten', async (t) => {
  const before = readFileSync(environmentFile, 'utf8')
  t.equal(statSync(environmentFile).mode & 0o777, 0o600)
  const again = spawnSync(process.execPath, [script, 'https://onbehalf.test'], { encoding: 'utf8' })
  t.equal(again.status, 1)
  t.match(again.stderr, /\.env is there already/)
  t.equal(readFileSync(environmentFile, 'utf8'), before)
  const secrets = Object.entries(env).filter(([name]) => /PASSWORD|KEYS/.test(name))
  t.equal(new Set(secrets.map(([, value]) => value)).size, secrets.length)
  t.throws(() => readCompose({ ...env, DEVICE_AUTH_MASTER_KEYS: '' }), /DEVICE_AUTH_MASTER_KEYS/)
})
