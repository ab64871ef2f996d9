import { readFileSync } from 'node:fs'

const manifestOf = (service: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../services/${service}/package.json`, import.meta.url), 'utf8'))

/** The path prefixes that the gateway leads to a service, from its package.json. */
export const publicPrefixesOf = (service: string): string[] => {
  const manifest = manifestOf(service)
  const own =
    typeof manifest === 'object' && manifest !== null && 'onbehalf' in manifest ? manifest.onbehalf : undefined
  const prefixes = typeof own === 'object' && own !== null && 'publicPrefixes' in own ? own.publicPrefixes : undefined
  if (!Array.isArray(prefixes) || prefixes.length === 0) throw new Error(`${service} names no onbehalf.publicPrefixes`)
  return prefixes.map(String)
}
