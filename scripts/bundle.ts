import { statSync } from 'node:fs'
import { join } from 'node:path'
import { serviceNames } from '@onbehalf/contracts'
import { bundle } from './bundle/bundle.ts'

// What an image runs: a service and everything it imports, in one file and its loader.
const [service, directory = `dist/${service}`] = process.argv.slice(2)
if (!serviceNames.some((name) => name === service) || service === undefined) {
  console.error(`usage: node scripts/bundle.ts <${serviceNames.join(' | ')}> [directory]`)
  process.exit(2)
}
const startedAt = performance.now()
const file = await bundle(service, directory)
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
const megabytes = (statSync(join(directory, 'service.cjs')).size / 1e6).toFixed(1)
console.log(`${file}: ${megabytes} MB in ${seconds} s`)
