import type { ServiceName } from '@onbehalf/contracts'
import type { App } from '@onbehalf/service-kit'
import { withStandIns } from './stand-in.ts'

export type Schema = { readonly [key: string]: unknown }
export type Operation = {
  summary?: string
  tags?: string[]
  security?: Record<string, string[]>[]
  parameters?: { name: string; in: string; required?: boolean; schema: Schema }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, { description: string; content?: Record<string, { schema: Schema }> }>
}
export type Document = {
  openapi: string
  info: { title: string; description: string; version: string }
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, Schema> }
  paths: Record<string, Record<string, Operation>>
}

const publicUrl = 'https://onbehalf.example.com'

/** What a service says of its routes, without the servers it needs to serve them. */
export const describeService = async (service: ServiceName): Promise<Document> => {
  const config = withStandIns({ PUBLIC_URL: publicUrl, LOG_LEVEL: 'error', TRUSTED_PROXIES: [] })
  const { buildApp }: { buildApp: (resources: object) => Promise<App> } = await import(
    `../../../services/${service}/src/app.ts`
  )
  const app = await buildApp(withStandIns({ config, dependencies: [], parts: withStandIns({ publicUrl }) }))
  await app.ready()
  // As it is read over HTTP.
  return JSON.parse(JSON.stringify(app.swagger()))
}
