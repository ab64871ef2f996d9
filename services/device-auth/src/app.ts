import {
  type App,
  type AppOptions,
  type AuditEvent,
  auditRoutes,
  busSessionKeys,
  createApp,
  findVisitorBy,
  recordAudit
} from '@onbehalf/service-kit'
import { accountRoutes } from './account/routes.ts'
import { recordWrongSurface } from './audit/wrong-surface.ts'
import { deviceCodeRoutes } from './device-code/routes.ts'
import { codeStore } from './device-code/store.ts'
import { serveDeviceCalls } from './device-token/calls.ts'
import { tokenLists } from './device-token/list-store.ts'
import { mint } from './device-token/mint.ts'
import { resolveToken } from './device-token/resolve.ts'
import { tokenRoutes } from './device-token/routes.ts'
import { tokenStore } from './device-token/store.ts'
import { createTouch } from './device-token/touch.ts'
import { startCleanUp } from './jobs/clean-up.ts'
import { jobStore } from './jobs/store.ts'
import { coversSso } from './licence/covers-sso.ts'
import { openBudgets } from './limits/budgets.ts'
import { openGuesses } from './limits/guesses.ts'
import { limitUses } from './limits/uses.ts'
import { pageRoutes } from './page/routes.ts'
import { type Resources, service } from './resources.ts'
import { revokeLinks } from './revoke-link/link.ts'
import { revokeLinkRoutes } from './revoke-link/routes.ts'
import { settingRoutes } from './settings/routes.ts'
import { settingStore } from './settings/store.ts'
import { ssoCookies } from './sso/cookies.ts'
import { grantStore } from './sso/grant-store.ts'
import { findBrokerKeys, findOwnKeys } from './sso/keys.ts'
import { nonceStore } from './sso/nonce-store.ts'
import { ssoCompleteRoutes, ssoRoutes } from './sso/routes.ts'
import { startDelivering } from './webhook/deliver.ts'
import { deliveryStore } from './webhook/delivery-store.ts'
import { webhookRoutes } from './webhook/routes.ts'
import { webhookStore } from './webhook/store.ts'

/** The longest that is sent here is an address. Most comes from strangers, and to read a form of a MiB takes 0.2 s. */
const bodyLimit = 16 * 1024

/** Device sign-in, its page, and the tokens it hands out. */
export const buildApp = async (resources: Resources, options: Pick<AppOptions, 'logTo'> = {}): Promise<App> => {
  const { config, postgres, redis, bus, vault, egress, keys, ssoKeys, users, feed, sessions } = resources
  const { userCodeKey, makeUserCode } = resources
  const { PUBLIC_URL: publicUrl, DEVICE_CLIENT_IDS: clientIds } = config
  const [tokens, lists] = [tokenStore(postgres.db), tokenLists(postgres.db)]
  const codes = codeStore(redis.redis)
  const announce = (id: string) => feed.publish({ kind: 'device_token', id })
  const onUse = createTouch(tokens, (err) => app.log.warn({ err }, 'the use of a token was not noted'))
  const resolving = { tokens, users, signingKey: keys.signingKey, onUse, announce }
  const [budgets, guesses] = [openBudgets(redis.redis), openGuesses(redis.redis)]
  const resolveOwn = limitUses((hash: string) => resolveToken(hash, resolving), budgets)
  const findVisitor = findVisitorBy(sessions.authenticators.session)
  const app = await createApp({
    service,
    description: 'Device sign-in and the bearer tokens it hands out',
    publicUrl,
    logLevel: config.LOG_LEVEL,
    trustedProxies: config.TRUSTED_PROXIES,
    dependencies: resources.dependencies,
    authenticators: { ...sessions.authenticators, bearer: resolveOwn },
    findSessionKey: busSessionKeys(bus),
    bodyLimit,
    ...options
  })
  const record = (event: AuditEvent) => recordAudit(postgres.db, event)
  recordWrongSurface(app, record)
  const [webhooks, settings] = [webhookStore(postgres.db), settingStore(postgres.db)]
  const links = revokeLinks({ publicUrl, key: resources.revokeLinkKey, now: () => new Date() })
  const isSsoOpen = () => coversSso(config.LICENCE_STATE)
  const minting = { tokens, users, announce, coversSso: isSsoOpen }
  const flows = {
    ...{ codes, budgets, guesses, findVisitor, clientIds, userCodeKey, publicUrl, makeUserCode, settings },
    record,
    mint: async (approval, collector) => {
      const minted = await mint(approval, collector, minting)
      delivering.nudge()
      return minted
    }
  } satisfies Parameters<typeof deviceCodeRoutes>[0]
  const { signingKey } = ssoKeys
  const sso = {
    ...{ ...flows, users, bus, isSsoOpen, signingKey },
    cookies: ssoCookies(publicUrl),
    nonces: nonceStore(redis.redis),
    grants: grantStore({ redis: redis.redis, vault, signingKey, findKey: findOwnKeys(ssoKeys) }),
    findBrokerKey: findBrokerKeys(bus)
  }
  // The second one is where the reference had it first; what was built on it goes on.
  for (const prefix of ['/openapi/v1/oauth/device', '/v1/oauth/device']) {
    await app.register(deviceCodeRoutes(flows), { prefix })
    await app.register(ssoRoutes(sso), { prefix })
    await app.register(ssoCompleteRoutes(sso), { prefix })
  }
  await app.register(ssoCompleteRoutes(sso), { prefix: '/v1/device' })
  await app.register(accountRoutes({ users, tokens, lists, announce }), { prefix: '/openapi/v1/account' })
  await app.register(pageRoutes({ ...flows, users, sso }), { prefix: '/device' })
  await app.register(revokeLinkRoutes({ tokens, lists, links, announce }), { prefix: '/device/revoke' })
  tokenRoutes(app, { tokens, lists, announce })
  webhookRoutes(app, { webhooks, vault, egress })
  settingRoutes(app, { settings })
  auditRoutes(app, { path: '/v1/audit/devices', db: postgres.db })
  serveDeviceCalls(app, bus, { ...resolving, keys, ssoKeys })
  const delivering = startDelivering({
    ...{ deliveries: deliveryStore(postgres.db), webhooks, vault, egress, links, log: app.log },
    now: () => new Date()
  })
  app.addHook('preClose', delivering.close)
  const cleanUp = startCleanUp({
    ...{ tokens, announce, jobs: jobStore(postgres.db), days: config.TOKEN_RETENTION_DAYS },
    report: (err) => app.log.warn({ err }, 'what has ended was not cleaned up')
  })
  app.addHook('preClose', cleanUp.close)
  return app
}
