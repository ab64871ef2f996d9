import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'

// Writes the .env that docker-compose.yml reads, with a fresh secret for every variable it insists on. Needs Node 24 and
// nothing installed.
const compose = readFileSync(new URL('../docker-compose.yml', import.meta.url), 'utf8')
const file = new URL('../.env', import.meta.url)

/** `https://host` is the gateway's own business; everything else is plain HTTP at a port, for a proxy or a trial. */
const addressOf = ({ protocol, hostname, port, origin }: URL): Record<string, string> =>
  protocol === 'https:' && port === ''
    ? { PUBLIC_URL: origin, GATEWAY_ADDRESS: hostname }
    : { PUBLIC_URL: origin, GATEWAY_ADDRESS: ':80', ...(port && { GATEWAY_HTTP_PORT: port }) }

const secretFor = (name: string): string => {
  if (name.endsWith('_MASTER_KEYS')) return `k1:${randomBytes(32).toString('base64')}`
  // They are parts of URLs: letters, digits, - and _ need no escape there.
  if (name.endsWith('_PASSWORD')) return randomBytes(32).toString('base64url')
  throw new Error(`${name} is not a secret: give it a value in scripts/compose-secrets.ts`)
}

const environmentFor = (publicUrl: URL): string => {
  const given = addressOf(publicUrl)
  const wanted = [...compose.matchAll(/\$\{([A-Z_]+):\?/g)].map(([, name = '']) => name)
  const secrets = [...new Set(wanted)]
    .filter((name) => !(name in given))
    .map((name) => [name, secretFor(name)] as const)
  return [...Object.entries(given), ...secrets].map(([name, value]) => `${name}=${value}\n`).join('')
}

const [publicUrl = ''] = process.argv.slice(2)
if (!/^https?:\/\/[^/]+$/.test(publicUrl) || !URL.canParse(publicUrl)) {
  console.error('usage: node scripts/compose-secrets.ts https://onbehalf.example.com')
  process.exit(2)
}
try {
  writeFileSync(file, environmentFor(new URL(publicUrl)), { mode: 0o600, flag: 'wx' })
  console.log('wrote .env, readable by you alone: keep a copy of it where you keep secrets')
} catch (error) {
  if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  console.error('.env is there already and holds secrets that are in use: it is left as it is')
  process.exit(1)
}
