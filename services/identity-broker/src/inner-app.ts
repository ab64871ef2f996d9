import { type App, createApp } from '@onbehalf/service-kit'
import { assemble } from './assemble.ts'
import { createInnerAuthenticator } from './installations/authenticate.ts'
import type { Resources } from './resources.ts'
import { innerTokenRoutes } from './tokens/inner-routes.ts'
import { createInnerIssue } from './tokens/issue-inner.ts'

/** The inner listener: for platforms inside the same network, never for the gateway. */
export const buildInnerApp = async (resources: Resources): Promise<App> => {
  const { config, dependencies } = resources
  const parts = assemble(resources)
  const { authenticate, installationOf } = createInnerAuthenticator(parts.installations)
  const app = await createApp({
    service: 'identity-broker-inner',
    description: 'Tokens for platforms that keep their own registry of MCP servers',
    publicUrl: config.PUBLIC_URL,
    logLevel: config.LOG_LEVEL,
    trustedProxies: [],
    authenticators: { inner: authenticate },
    dependencies
  })
  innerTokenRoutes(app, { issueInner: createInnerIssue(parts), installationOf })
  return app
}
