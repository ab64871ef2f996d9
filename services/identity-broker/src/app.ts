import { listBrokerKeys } from '@onbehalf/contracts'
import { serve } from '@onbehalf/rpc'
import { type App, auditRoutes, busAuthenticators, createApp, findVisitorBy } from '@onbehalf/service-kit'
import { allowedRoutes } from './allowed/routes.ts'
import { serveApiKeys } from './apps/calls.ts'
import { keyRoutes } from './apps/key-routes.ts'
import { createApiKeyResolver } from './apps/resolve.ts'
import { appRoutes } from './apps/routes.ts'
import { createTouch } from './apps/touch.ts'
import type { Service } from './assemble.ts'
import { audienceRoutes } from './audiences/routes.ts'
import { backChannelRoutes } from './back-channel/routes.ts'
import { connectRoutes } from './connect/routes.ts'
import { examineRoutes } from './connections/examine/routes.ts'
import { connectionKeyRoutes } from './connections/key-routes.ts'
import { connectionRoutes } from './connections/routes.ts'
import { createDeviceSsoStart, serveDeviceSso } from './device-sso/start.ts'
import { domainRoutes } from './domains/routes.ts'
import { serveRefreshOwner } from './grants/refresh/refresh.ts'
import { grantRoutes } from './grants/routes.ts'
import { invitationPages } from './invitations/page-routes.ts'
import { invitationRoutes } from './invitations/routes.ts'
import { startForgetting } from './issuances/forget.ts'
import { issuanceRoutes } from './issuances/routes.ts'
import { issuerRoutes } from './issuer/routes.ts'
import { linkRoutes } from './links/routes.ts'
import { memberRoutes } from './members/routes.ts'
import { samlRoutes } from './saml/routes.ts'
import { serveSessions } from './sessions/calls.ts'
import { ownSessionRoutes } from './sessions/own-routes.ts'
import { renewRoutes } from './sessions/renew-routes.ts'
import { sessionRoutes } from './sessions/routes.ts'
import { signInRoutes } from './sign-in/routes.ts'
import { signOutRoutes } from './sign-out/routes.ts'
import { serveTokens } from './tokens/calls.ts'
import { createIssue } from './tokens/issue.ts'
import { serveUsers } from './users/calls.ts'

/** What the service offers, in the order in which it comes up. */
export const buildApp = async (service: Service): Promise<App> => {
  const { config, db, bus, ticketKeys, sessionKeys, deviceSsoKeys, findTicketKey, findDeviceSsoKey } = service
  const { instance, dependencies, parts } = service
  const publicUrl = config.PUBLIC_URL
  const { users, refresher } = parts
  const resolveApiKey = createApiKeyResolver({
    apiKeys: parts.apiKeys,
    apps: parts.apps,
    findLinked: parts.findLinked,
    findWho: parts.findWho,
    signingKey: ticketKeys.signingKey,
    connectUrl: parts.connectUrl,
    onUse: createTouch(parts.apiKeys, (err) => app.log.warn({ err }, 'the use of an API key was not noted'))
  })
  const deviceTokens = busAuthenticators(bus, { accepts: ['bearer'] })
  const app = await createApp({
    service: 'identity-broker',
    description: 'Who people are, and the tokens minted for them',
    publicUrl,
    logLevel: config.LOG_LEVEL,
    trustedProxies: config.TRUSTED_PROXIES,
    authenticators: {
      session: parts.resolveSession,
      ...deviceTokens.authenticators,
      api_key: (key_hash) => resolveApiKey({ key_hash })
    },
    findSessionKey: async (kid) => sessionKeys.publicKeys().find((key) => key.kid === kid),
    dependencies
  })
  const findVisitor = findVisitorBy(parts.resolveSession)
  await app.register(signInRoutes({ ...parts, findVisitor }))
  await app.register(samlRoutes(parts))
  await app.register(renewRoutes(parts))
  await app.register(signOutRoutes({ ...parts, findVisitor }))
  await app.register(backChannelRoutes(parts.logOutFromIdp))
  sessionRoutes(app, { ...parts, sessionKeys })
  ownSessionRoutes(app, parts)
  await app.register(connectRoutes({ ...parts, findVisitor }))
  connectionRoutes(app, parts)
  examineRoutes(app, parts)
  connectionKeyRoutes(app, parts)
  grantRoutes(app, parts)
  await app.register(allowedRoutes({ ...parts, findVisitor }))
  issuanceRoutes(app, parts)
  issuerRoutes(app, parts)
  audienceRoutes(app, parts.audiences)
  memberRoutes(app, parts)
  appRoutes(app, parts)
  keyRoutes(app, parts)
  linkRoutes(app, parts)
  invitationRoutes(app, parts)
  domainRoutes(app, parts)
  await app.register(invitationPages(parts))
  auditRoutes(app, { path: '/v1/audit/identity', db })

  const { recorder, issuances } = parts
  recorder.onTrouble((err, waiting) => app.log.warn({ err, waiting }, 'records of tokens wait to be written'))
  recorder.onUnfit((err, { tenant_id, user_id, audience, outcome }) =>
    app.log.error({ err, tenant_id, user_id, audience, outcome }, 'a record of a token cannot be written')
  )
  const forgetting = startForgetting({
    issuances,
    days: config.ISSUANCE_DAYS,
    report: (err) => app.log.warn({ err }, 'old records of tokens are not forgotten yet')
  })
  const report = ({ subject, error }: { subject: string; error: unknown }) => app.log.error({ err: error, subject })
  const issue = createIssue({ findTicketKey, mint: parts.mint, connectUrl: parts.connectUrl })
  const listKeys = async () => ({
    ticket: ticketKeys.publicKeys(),
    session: sessionKeys.publicKeys(),
    device_sso: deviceSsoKeys.publicKeys()
  })
  const refreshOwner = serveRefreshOwner(bus, { instance, refresher }, report)
  const served = [
    serve(bus, listBrokerKeys, listKeys, report),
    ...serveUsers(bus, users, report),
    ...serveSessions(bus, parts.resolveSession, report),
    ...serveApiKeys(bus, resolveApiKey, report),
    ...serveTokens(bus, issue, report),
    ...serveDeviceSso(bus, createDeviceSsoStart({ ...parts, findDeviceSsoKey }), report)
  ]
  app.addHook('onClose', async () => {
    await Promise.all(served.map(({ stop }) => stop()))
    // A refresh under way holds an answer nobody else has: it is stored before the database is let go, and until then
    // the other replicas are told that we wait for it.
    await refresher.settle()
    await refreshOwner.stop()
    parts.kept.close()
    parts.heldUsers.close()
    deviceTokens.close()
    await Promise.all([recorder.close(), forgetting.close()])
  })
  return app
}
