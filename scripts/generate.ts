import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { serviceNames } from '@onbehalf/contracts'
import type { Variables } from '@onbehalf/service-kit'
import { caddyfile } from './generate/caddyfile.ts'
import { withConfigurationTable } from './generate/configuration-table.ts'
import { homePage } from './generate/home-page.ts'
import { natsConfig } from './generate/nats-config.ts'
import { clientText } from './generate/openapi/client-text.ts'
import { describeService } from './generate/openapi/describe-service.ts'
import { mergeDocuments } from './generate/openapi/merge.ts'
import { shareErrors } from './generate/openapi/share-errors.ts'

// Writes what is derived from the code; with --check it only says what is out of date, and fails.
const root = new URL('../', import.meta.url)
const read = (path: string) => (existsSync(new URL(path, root)) ? readFileSync(new URL(path, root), 'utf8') : '')

const readmeOf = async (service: string): Promise<[string, string]> => {
  const path = `services/${service}/README.md`
  const { variables }: { variables: Variables } = await import(`../services/${service}/src/config.ts`)
  return [path, withConfigurationTable(read(path), variables)]
}

const described = await Promise.all(
  serviceNames.map(async (service) => [service, await describeService(service)] as const)
)
const openapi = mergeDocuments(described)

const generated: [string, string][] = [
  ['infra/nats/nats.conf', natsConfig()],
  ['infra/gateway/Caddyfile', caddyfile()],
  ['infra/gateway/public/index.html', homePage()],
  ['infra/gateway/public/openapi.json', `${JSON.stringify(shareErrors(openapi), null, 1)}\n`],
  ['packages/client/src/generated/operations.ts', clientText(openapi)],
  ...(await Promise.all(serviceNames.map(readmeOf)))
]

const stale = generated.filter(([path, text]) => read(path) !== text)
if (process.argv.includes('--check')) {
  for (const [path] of stale) console.log(`${path} is out of date: run npm run generate`)
  process.exitCode = stale.length === 0 ? 0 : 1
} else {
  for (const [path, text] of stale) writeFileSync(new URL(path, root), text)
  console.log(stale.length === 0 ? 'everything is up to date' : `wrote ${stale.map(([path]) => path).join(', ')}`)
}
// What the described services began, such as their timers, has nothing to end with.
process.exit()
