import { type App, createApp } from '@onbehalf/service-kit'
import type { Service } from './assemble.ts'
import { createInnerAuthenticator } from './installations/authenticate.ts'
import { innerTokenRoutes } from './tokens/inner-routes.ts'
import { createInnerIssue } from './tokens/issue-inner.ts'

/** The inner listener: for platforms inside the same network, never for the gateway. */
export const buildInnerApp = async ({ config, dependencies, parts }: Service): Promise<App> => {
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
