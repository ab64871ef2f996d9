import type { ServiceName } from '@onbehalf/contracts'
import { publicPrefixesOf } from '../service-manifest.ts'
import type { Document } from './describe-service.ts'

/** What the gateway offers: the routes of all services below their public prefixes, as one description. */
export const mergeDocuments = (described: readonly (readonly [ServiceName, Document])[]): Document => {
  const paths = described.flatMap(([service, document]) => {
    const prefixes = publicPrefixesOf(service)
    const isPublic = (path: string) => prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`))
    return Object.entries(document.paths).filter(([path]) => isPublic(path))
  })
  const components = described.map(([, document]) => document.components)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Onbehalf',
      description: 'Calls MCP tools on behalf of the verified end user.',
      version: '1'
    },
    components: {
      schemas: Object.assign({}, ...components.map(({ schemas }) => schemas)),
      securitySchemes: Object.assign({}, ...components.map(({ securitySchemes }) => securitySchemes))
    },
    paths: Object.fromEntries(paths.sort(([one], [other]) => (one < other ? -1 : 1)))
  }
}
