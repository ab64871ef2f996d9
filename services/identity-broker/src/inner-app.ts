import { type App, createApp } from '@onbehalf/service-kit'
import type { FastifyRequest } from 'fastify'
import { assemble } from './assemble.ts'
import type { Installation } from './database.ts'
import type { Resources } from './resources.ts'
import { createInnerAuthenticator, innerTokenRoutes } from './tokens/inner-routes.ts'

/** The inner listener: for platforms inside the same network, never for the gateway. */
export const buildInnerApp = async (resources: Resources): Promise<App> => {
  const { config, dependencies } = resources
  const parts = assemble(resources)
  const found = new WeakMap<FastifyRequest, Installation>()
  const app = await createApp({
    service: 'identity-broker-inner',
    description: 'Tokens for platforms that keep their own registry of MCP servers',
    publicUrl: config.PUBLIC_URL,
    logLevel: config.LOG_LEVEL,
    trustedProxies: [],
    authenticators: { inner: createInnerAuthenticator(parts.installations, found) },
    dependencies
  })
  innerTokenRoutes(app, { ...parts, installationOf: (request) => found.get(request), publicUrl: config.PUBLIC_URL })
  return app
}
